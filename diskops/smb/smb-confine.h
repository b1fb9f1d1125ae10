/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a process that talks to an SMB server gives up before it reads a server's first byte: other
 * programs and processes, and all files but the system's own, which it may only read. Where the agent is
 * no superuser, it and its writers are the same user, and this alone stands between them.
 */
#pragma once

/*
 * In this process and its threads, for good. 0; or -1 and errno. On a kernel without Landlock files stay
 * as the process' user finds them.
 */
int smb_confine(void);
