/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "filename.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "utf16.h"

#define NAME_UNITS_MAX 255
#define NAME_BYTES_MAX 255 /* Linux file systems count bytes */

/* "COM" or "LPT" and one of 1 to 9 or the superscripts that Windows takes for 1, 2, 3. */
static bool is_port_name(const char *name, size_t n)
{
	if (n < 4 || (strncasecmp(name, "COM", 3) != 0 && strncasecmp(name, "LPT", 3) != 0))
		return false;
	if (n == 4)
		return name[3] >= '1' && name[3] <= '9';
	return n == 5 &&
	       (memcmp(name + 3, "\xc2\xb9", 2) == 0 || memcmp(name + 3, "\xc2\xb2", 2) == 0 ||
		       memcmp(name + 3, "\xc2\xb3", 2) == 0);
}

/* A device name counts with any extension, and with spaces before it. */
static bool is_device_name(const char *name)
{
	static const char *const devices[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
	size_t n = strcspn(name, ".");
	while (n && name[n - 1] == ' ')
		n--;
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (strlen(devices[i]) == n && strncasecmp(devices[i], name, n) == 0)
			return true;
	return is_port_name(name, n);
}

static int bad(struct error **err, const char *name, const char *what)
{
	CLEANUP_FREE char *shown = utf8_clean(name);
	return err_set(err, ERR_INVALID_FILE_NAME, "the name \"%.300s\" %s", shown, what);
}

int file_name_check(const char *name, struct error **err)
{
	size_t units, n = strlen(name);
	if (n == 0)
		return bad(err, name, "is empty");
	if (n > NAME_BYTES_MAX)
		return bad(err, name, "is longer than 255 bytes");
	CLEANUP_FREE uint8_t *utf16 = utf8_to_utf16(name, &units);
	if (!utf16)
		return bad(err, name, "is not UTF-8");
	if (units > NAME_UNITS_MAX)
		return bad(err, name, "is longer than 255 characters");
	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		if (*p < 0x20 || *p == 0x7f || strchr("/\\:*?\"<>|", *p))
			return bad(err, name, "has a character that Windows does not allow");
	if (name[n - 1] == '.' || name[n - 1] == ' ')
		return bad(err, name, "ends with a dot or a space");
	if (is_device_name(name))
		return bad(err, name, "is a device's name in Windows");
	return 0;
}
