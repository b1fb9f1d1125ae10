/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first process of the CE image: puts the root, a squashfs file that came in the initrd, in its place
 * and becomes systemd. The root stays in memory, compressed and read-only: nothing of it can change, and
 * no disk is needed to run.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULES "/modules" /* 01-loop.ko …: in the order of their names */
#define IMAGE	"/root.squashfs"
#define ROOT	"/root"

/* Nothing can be mended from here: say why, and let the hypervisor see that the machine stopped. */
static _Noreturn void fail(const char *what)
{
	fprintf(stderr,
		"CE: %s: %s\nCE: the image does not start; it is damaged or memory is short.\n",
		what, strerror(errno));
	sleep(30);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void load_modules(void)
{
	struct dirent **names;
	int n = scandir(MODULES, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char path[sizeof(MODULES) + 256 + 1];
		if (names[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), MODULES "/%s", names[i]->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
			fail(path);
		close(fd);
		unlink(path);
	}
}

/* Opened, the image's name can go: its memory stays. */
static void attach_image(char device[static 32])
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int n = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	struct loop_config config = {0};
	config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
	int image = open(IMAGE, O_RDONLY | O_CLOEXEC);
	if (n < 0 || image < 0)
		fail(IMAGE);
	config.fd = (unsigned)image;
	snprintf(device, 32, "/dev/loop%d", n);
	int loop = open(device, O_RDONLY | O_CLOEXEC);
	if (loop < 0 || ioctl(loop, LOOP_CONFIGURE, &config) < 0)
		fail(device);
	if (mount(device, ROOT, "squashfs", MS_RDONLY | MS_NODEV, NULL) < 0)
		fail("mounting the root");
	close(loop);
	unlink(IMAGE);
}

int main(int argc, char **argv)
{
	(void)argc;
	char device[32];
	mkdir("/dev", 0755);
	mkdir(ROOT, 0755);
	if (mount("dev", "/dev", "devtmpfs", MS_NOSUID, NULL) < 0 && errno != EBUSY)
		fail("/dev");
	int console = open("/dev/console", O_RDWR);
	for (int fd = 0; console >= 0 && fd < 3; fd++)
		dup2(console, fd);
	if (console > 2)
		close(console);
	load_modules();
	attach_image(device);
	if (mount("/dev", ROOT "/dev", NULL, MS_MOVE, NULL) < 0 || chdir(ROOT) < 0 ||
		mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
		fail("changing to the root");
	argv[0] = (char[]){"/sbin/init"};
	execv(argv[0], argv);
	fail(argv[0]);
}
