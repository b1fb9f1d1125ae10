/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "msi-guid.h"

#include <ctype.h>
#include <string.h>

/* Which digit of the packed form comes from which place of "{XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}". */
static const unsigned char place[32] = {8, 7, 6, 5, 4, 3, 2, 1, 13, 12, 11, 10, 18, 17, 16, 15, 21,
	20, 23, 22, 26, 25, 28, 27, 30, 29, 32, 31, 34, 33, 36, 35};
static const char frame[] = "{........-....-....-....-............}";

static char upper(char c)
{
	return (char)toupper((unsigned char)c);
}

bool msi_pack(const char *guid, char ret[static MSI_PACKED_SIZE])
{
	if (strlen(guid) != MSI_GUID_SIZE - 1)
		return false;
	for (size_t i = 0; i < MSI_GUID_SIZE - 1; i++)
		if (frame[i] == '.' ? !isxdigit((unsigned char)guid[i]) : guid[i] != frame[i])
			return false;
	for (size_t i = 0; i < sizeof(place); i++)
		ret[i] = upper(guid[place[i]]);
	ret[32] = '\0';
	return true;
}

bool msi_unpack(const char *packed, char ret[static MSI_GUID_SIZE])
{
	if (strlen(packed) != 32 || strspn(packed, "0123456789abcdefABCDEF") != 32)
		return false;
	memcpy(ret, frame, sizeof(frame));
	for (size_t i = 0; i < sizeof(place); i++)
		ret[place[i]] = upper(packed[i]);
	return true;
}
