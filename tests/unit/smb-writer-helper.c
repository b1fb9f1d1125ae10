/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program that a test's connections run in, as `ce-worker smb-writer` is the worker's. */
#include "smb-proto.h"
#include "smb-writer.h"

int main(void)
{
	return smb_writer_main(SMB_STARTER_FD);
}
