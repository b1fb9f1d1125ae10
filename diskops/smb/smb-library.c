/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smb-library.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "mem.h"

/* The parent decides how long is too long, and closes the socket. */
#define LIBRARY_TIMEOUT_MS (30 * 60 * 1000)
#define CONNECT_TIMEOUT_MS 10000

/*
 * Signing is required whatever the server offers; names are resolved by DNS and hosts files alone; no
 * files of the host's samba are read or written.
 */
static const char configuration[] = "[global]\n"
				    "client signing = required\n"
				    "client ipc signing = required\n"
				    "client lanman auth = no\n"
				    "client plaintext auth = no\n"
				    "client NTLMv2 auth = yes\n"
				    "disable netbios = yes\n"
				    "name resolve order = host\n"
				    "unix charset = UTF-8\n"
				    "dos charset = ASCII\n"
				    "log level = 0\n"
				    "lock directory = /nonexistent\n"
				    "state directory = /nonexistent\n"
				    "cache directory = /nonexistent\n"
				    "private dir = /nonexistent\n";

/* One a process: the library's callbacks know of no other. */
static SMBCCTX *ctx;
static struct smb_login current;
static smbc_add_cached_srv_fn add_cached_server;
static bool connected;
static uint32_t last_status;
static bool saw_encrypted, saw_decrypted;

/* ---- the library's configuration and its callbacks ---- */

/*
 * The library reads $HOME/.smb/smb.conf where there is one, and then no other: the host's settings must
 * not weaken ours. It reads the file once, so the file need not stay.
 */
static SMBCCTX *new_context_in(const char *home)
{
	SMBCCTX *c = NULL;
	CLEANUP_FREE char *dir = xasprintf("%s/.smb", home);
	CLEANUP_FREE char *file = xasprintf("%s/smb.conf", dir);
	if (mkdir(dir, 0700) < 0)
		return NULL;
	FILE *f = fopen(file, "wxe");
	bool written = f && fputs(configuration, f) >= 0;
	if (f && fclose(f) == 0 && written && setenv("HOME", home, 1) == 0)
		c = smbc_new_context();
	int saved = errno;
	unlink(file);
	rmdir(dir);
	errno = saved;
	return c;
}

static bool init_in(const char *base)
{
	CLEANUP_FREE char *home = xasprintf("%s/ce-smb-XXXXXX", base);
	if (!mkdtemp(home))
		return false;
	ctx = new_context_in(home);
	int saved = errno;
	rmdir(home);
	errno = saved;
	return ctx != NULL;
}

/* $TMPDIR may be closed to whom a writer process runs as. */
int smb_library_init(void)
{
	const char *base = getenv("TMPDIR");
	return (base && *base && init_in(base)) || init_in("/tmp") ? 0 : -1;
}

static void give_login(SMBCCTX *c, const char *server, const char *share, char *domain,
	int domain_len, char *user, int user_len, char *password, int password_len)
{
	(void)c, (void)server, (void)share;
	const struct smb_login *l = &current;
	if (l->domain[0])
		snprintf(domain, (size_t)domain_len, "%s", l->domain);
	snprintf(user, (size_t)user_len, "%s", l->user);
	snprintf(password, (size_t)password_len, "%s", l->password);
}

/* Called when a share is connected: what fails later is not a matter of the login. */
static int note_connected(SMBCCTX *c, SMBCSRV *server, const char *name, const char *share,
	const char *workgroup, const char *user)
{
	connected = true;
	return add_cached_server(c, server, name, share, workgroup, user);
}

/*
 * Two things show nowhere but in what the library logs. It turns every NTSTATUS into an errno, many
 * into the same one: a locked account and a wrong name are both EINVAL or EACCES. Without the line
 * (another version) the errno alone decides. And it does not tell whether it encrypts; without those
 * lines a session counts as not encrypted.
 */
static void watch_log(void *data, int level, const char *line)
{
	(void)data, (void)level;
	static const char mark[] = "32 bit codes: code=";
	const char *p = strstr(line, mark);
	if (p)
		last_status = (uint32_t)strtoul(p + strlen(mark), NULL, 16);
	saw_encrypted |= strstr(line, "Encrypted SMB2 message") != NULL;
	saw_decrypted |= strstr(line, "Decrypted SMB2 message") != NULL;
}

void smb_library_watch(bool on)
{
	smbc_setDebug(ctx, on ? 10 : 0);
	last_status = 0;
}

static bool set_up_context(const struct smb_login *l)
{
	smbc_setLogCallback(ctx, NULL, watch_log);
	smbc_setFunctionAuthDataWithContext(ctx, give_login);
	smbc_setOptionNoAutoAnonymousLogin(ctx, true);
	smbc_setOptionUseKerberos(ctx, false);
	smbc_setOptionUseCCache(ctx, false);
	/*
	 * Both make signing a condition, and switch encryption on where the server can (a third more
	 * CPU time than signing alone). But a server that takes no DFS requests is not even asked.
	 */
	smbc_setOptionSmbEncryptionLevel(
		ctx, l->encrypt ? SMBC_ENCRYPTLEVEL_REQUIRE : SMBC_ENCRYPTLEVEL_REQUEST);
	smbc_setTimeout(ctx, LIBRARY_TIMEOUT_MS);
	smbc_setPort(ctx, l->port);
	smbc_setUser(ctx, l->user);
	if (!smbc_setOptionProtocols(ctx, "SMB2_10", "SMB3_11") || !smbc_init_context(ctx))
		return false;
	add_cached_server = smbc_getFunctionAddCachedServer(ctx);
	smbc_setFunctionAddCachedServer(ctx, note_connected);
	return true;
}

/* ---- names ---- */

static char *encode(char *out, const char *text, const char *plain)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
		if (alnum || strchr(plain, c))
			*out++ = (char)c;
		else
			out += sprintf(out, "%%%02X", c);
	}
	*out = '\0';
	return out;
}

/* Everything encoded: the library takes a port, a user and options from a URL before it decodes it. */
const char *smb_library_url(const char *path)
{
	static char url[SMB_LIBRARY_URL_MAX];
	char *p = stpcpy(url, "smb://");
	p = encode(p, current.host, ".-_");
	*p++ = '/';
	p = encode(p, current.share, ".-_");
	*p++ = '/';
	encode(p, path, ".-_/");
	return url;
}

/* ---- login ---- */

static int connect_one(const struct addrinfo *ai, uint16_t port)
{
	struct sockaddr_storage to = {0};
	memcpy(&to, ai->ai_addr, ai->ai_addrlen);
	if (to.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&to)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&to)->sin_port = htons(port);
	CLEANUP_CLOSE int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (connect(fd, (struct sockaddr *)&to, ai->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};
	if (poll(&pfd, 1, CONNECT_TIMEOUT_MS) <= 0)
		return ETIMEDOUT;
	int error = 0;
	socklen_t len = sizeof(error);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

/* The library does not tell an unknown host from a closed port, and neither from a refused login. */
static bool reachable(const struct smb_login *l, struct smb_reply *reply)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	reply->stage = SMB_STAGE_RESOLVE;
	reply->resolve = getaddrinfo(l->host, NULL, &hints, &list);
	if (reply->resolve) {
		reply->errnum = EHOSTUNREACH;
		return false;
	}
	reply->stage = SMB_STAGE_CONNECT;
	reply->errnum = EHOSTUNREACH;
	for (const struct addrinfo *ai = list; ai && reply->errnum; ai = ai->ai_next)
		if (ai->ai_family == AF_INET || ai->ai_family == AF_INET6)
			reply->errnum = connect_one(ai, l->port);
	freeaddrinfo(list);
	return reply->errnum == 0;
}

void smb_library_fail(struct smb_reply *reply)
{
	reply->errnum = errno ? errno : EIO;
	reply->status = last_status;
}

/* REQUIRE is not enforced by the library (4.17): it goes on in the clear. One request there and back. */
static bool is_encrypted(void)
{
	struct stat st;
	saw_encrypted = saw_decrypted = false;
	smbc_getFunctionStat(ctx)(ctx, smb_library_url(""), &st);
	return saw_encrypted && saw_decrypted;
}

static SMBCCTX *log_in(const struct smb_login *login, struct smb_reply *reply)
{
	struct stat st;
	errno = 0;
	bool ok = set_up_context(login);
	smb_library_watch(true);
	/* The root may be closed to the user and the folder below it open: connected is enough. */
	if (!ok || (smbc_getFunctionStat(ctx)(ctx, smb_library_url(""), &st) < 0 && !connected)) {
		smb_library_fail(reply);
		return NULL;
	}
	if (login->encrypt && !is_encrypted()) {
		reply->errnum = EPROTONOSUPPORT;
		return NULL;
	}
	return ctx;
}

SMBCCTX *smb_library_login(const struct smb_login *login, struct smb_reply *reply)
{
	current = *login;
	if (!reachable(login, reply))
		return NULL;
	reply->stage = SMB_STAGE_LOGIN;
	if (!ctx && smb_library_init() < 0) {
		smb_library_fail(reply);
		return NULL;
	}
	smb_library_watch(true);
	SMBCCTX *ret = log_in(login, reply);
	smb_library_watch(false);
	return ret;
}
