/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What somebody who looks into a problem asks for first, in one document of bounded size: GET /v1/diagnostics.
 * It is made of what the API and the log show anyway, so it holds no secret.
 */
#pragma once

#define DIAGNOSTICS_LOG_BYTES  (128u << 10) /* of the agent's own messages */
#define DIAGNOSTICS_JOBS       20	    /* the newest */
#define DIAGNOSTICS_JOB_BYTES  (64u << 10)  /* of a job's log: its end */
#define DIAGNOSTICS_JOBS_BYTES (4u << 20)   /* of all jobs; those past it are counted */
