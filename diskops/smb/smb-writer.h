/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program behind `ce-worker smb-writer`: a starter that turns into one process a connection. It
 * reads no guest metadata and takes nothing from its arguments or the environment but TMPDIR.
 */
#pragma once

/* fd: the starter's socket (smb-proto.h). Returns the exit status. */
int smb_writer_main(int fd);
