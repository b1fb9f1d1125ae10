/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every error the project reports, one row each:
 *   X(enum, stable code, HTTP status, class, what the user can do)
 * The code is part of the API: never renamed, never reused. docs/errors.md lists the same rows and
 * a test compares the two. Class is how a program ends (see err_exit_status()):
 *   FAIL    something went wrong while working              exit 1
 *   USAGE   the request or the command line is wrong        exit 2
 *   REFUSE  found before anything was written               exit 3 (1 once writing has begun)
 *   CANCEL  somebody asked to stop                          exit 4
 */
#pragma once

#define ERR_CODES(X)                                                                                                       \
	/* the request */                                                                                                  \
	X(ERR_INVALID_ARGUMENT, "invalid-argument", 400, USAGE,                                                            \
		"see --help or docs/api/openapi.yaml")                                                                     \
	X(ERR_NOT_JSON, "not-json", 400, USAGE,                                                                            \
		"send one JSON object, UTF-8, as application/json")                                                        \
	X(ERR_UNKNOWN_FIELD, "unknown-field", 400, USAGE, "remove the field or correct its name")                          \
	X(ERR_INVALID_FIELD, "invalid-field", 400, USAGE,                                                                  \
		"give the field the type and range named")                                                                 \
	X(ERR_MISSING_FIELD, "missing-field", 400, USAGE, "add the field named")                                           \
	X(ERR_CREDENTIALS_UNRESOLVED, "credentials-unresolved", 400, USAGE,                                                \
		"send user, domain and password beside credentialId: the agent has no wallet")                             \
	X(ERR_INVALID_FILE_NAME, "invalid-file-name", 400, USAGE,                                                          \
		"use a plain file name that Windows accepts")                                                              \
	X(ERR_BODY_TOO_LARGE, "body-too-large", 413, USAGE, "a request body has at most 1 MiB")                            \
	X(ERR_METHOD_NOT_ALLOWED, "method-not-allowed", 405, USAGE, "see the Allow header")                                \
	X(ERR_NOT_FOUND, "not-found", 404, USAGE, "see /v1/openapi.yaml for the paths")                                    \
	X(ERR_JOB_NOT_FOUND, "job-not-found", 404, USAGE, "list the jobs with GET /v1/jobs")                               \
	X(ERR_JOB_FINISHED, "job-finished", 409, USAGE,                                                                    \
		"only a job that has not ended can be canceled")                                                           \
	X(ERR_CLIENT_CERTIFICATE, "client-certificate", 403, USAGE,                                                        \
		"connect with a client certificate of the appliance's CA")                                                 \
	X(ERR_NOT_IMPLEMENTED, "not-implemented", 501, USAGE, "use a newer agent")                                         \
	/* the agent */                                                                                                    \
	X(ERR_AGENT_UNREACHABLE, "agent-unreachable", 502, FAIL,                                                           \
		"check --server, --ca and the client certificate")                                                         \
	X(ERR_AGENT_CERTIFICATE, "agent-certificate", 502, REFUSE,                                                         \
		"compare with the machine's console: it may be another machine, or somebody is in between")                \
	X(ERR_DISK_NOT_FOUND, "disk-not-found", 404, REFUSE, "list the disks with GET /v1/disks")                          \
	X(ERR_DISK_BUSY, "disk-busy", 409, REFUSE, "wait for the other job or cancel it")                                  \
	X(ERR_TOO_MANY_JOBS, "too-many-jobs", 429, REFUSE, "wait for a job to end")                                        \
	X(ERR_INTERRUPTED, "interrupted", 500, FAIL,                                                                       \
		"post the same request again: it resumes from what is known to be written")                                \
	X(ERR_WORKER_DIED, "worker-died", 500, FAIL, "see the job's log; post the request again")                          \
	X(ERR_TIMEOUT, "timeout", 504, FAIL, "raise `timeout`, or post again to resume")                                   \
	X(ERR_CANCELED, "canceled", 409, CANCEL, "post the request again to resume")                                       \
	X(ERR_ENROLMENT_INVALID, "enrolment-invalid", 422, REFUSE,                                                         \
		"mend the enrolment document: docs/operations/enrolment.md")                                               \
	X(ERR_NOT_PAIRED, "not-paired", 403, REFUSE,                                                                       \
		"pair with the machine first: docs/operations/enrolment.md")                                               \
	X(ERR_PAIRING_CODE, "pairing-code", 403, REFUSE,                                                                   \
		"type the code that the machine's console shows")                                                          \
	X(ERR_PAIRING_LOCKED, "pairing-locked", 403, REFUSE,                                                               \
		"restart the machine: its console shows a new code")                                                       \
	X(ERR_INTERNAL, "internal", 500, FAIL, "report it with the job's log")                                             \
	X(ERR_NO_MEMORY, "no-memory", 500, FAIL, "give the worker VM more memory")                                         \
	X(ERR_SYSTEM, "system", 500, FAIL, "see the message: the operating system refused a call")                         \
	/* the source disk */                                                                                              \
	X(ERR_DISK_OPEN, "disk-open", 404, REFUSE, "check the path and the permissions")                                   \
	X(ERR_DISK_READ, "disk-read", 500, FAIL,                                                                           \
		"check the storage; attach the disk again and repeat")                                                     \
	X(ERR_DISK_WRITE, "disk-write", 500, FAIL, "check the storage and repeat")                                         \
	X(ERR_DISK_READ_ONLY, "disk-read-only", 422, REFUSE,                                                               \
		"attach the disk for writing, or clear its read-only flag: blockdev --setrw DEVICE")                       \
	X(ERR_DISK_TRUNCATED, "disk-truncated", 422, REFUSE,                                                               \
		"attach the whole disk: this one ends before its partition table says")                                    \
	X(ERR_PARTITION_TABLE, "partition-table", 422, REFUSE, "repair the partition table first")                         \
	X(ERR_NTFS_DAMAGED, "ntfs-damaged", 422, REFUSE,                                                                   \
		"run chkdsk /f on the volume, in its own Windows or another")                                              \
	X(ERR_FAT_DAMAGED, "fat-damaged", 422, REFUSE,                                                                     \
		"run chkdsk on the EFI system partition first")                                                            \
	X(ERR_JOURNAL, "journal", 500, FAIL, "keep the journal file; see docs/design/overlay.md")                          \
	X(ERR_IMAGE_CORRUPT, "image-corrupt", 422, REFUSE, "take the image from its source again")                         \
	X(ERR_IMAGE_UNSUPPORTED, "image-unsupported", 422, REFUSE, "convert the image first")                              \
	X(ERR_IMAGE_PARENT, "image-parent", 422, REFUSE,                                                                   \
		"put the parent image where the child expects it")                                                         \
	X(ERR_SIZE_UNSUPPORTED, "size-unsupported", 422, REFUSE, "choose another format or size")                          \
	/* Windows in it */                                                                                                \
	X(ERR_NO_WINDOWS, "no-windows", 422, REFUSE, "attach a disk that holds a Windows system")                          \
	X(ERR_TWO_WINDOWS, "two-windows", 422, REFUSE,                                                                     \
		"choose one with --root (root in a request)")                                                              \
	X(ERR_WINDOWS_UNSUPPORTED, "windows-unsupported", 422, REFUSE,                                                     \
		"Windows 10, 11 and Server 2016 to 2025, x64, can be prepared")                                            \
	X(ERR_HIBERNATED, "hibernated", 422, REFUSE,                                                                       \
		"start Windows once and shut it down with Fast Startup off (shutdown /s /f), or set discardHibernation")   \
	X(ERR_NTFS_DIRTY, "ntfs-dirty", 422, REFUSE,                                                                       \
		"start Windows once (it runs chkdsk) and shut it down")                                                    \
	X(ERR_FILE_UNSUPPORTED, "file-unsupported", 422, REFUSE,                                                           \
		"in Windows, replace the file by a plain one (a copy; cipher /d; compact /u)")                             \
	X(ERR_BITLOCKER, "bitlocker", 422, REFUSE,                                                                         \
		"decrypt the volume in Windows (manage-bde -off C:) and take the disk again")                              \
	X(ERR_DYNAMIC_DISK, "dynamic-disk", 422, REFUSE, "convert the disk to a basic one first")                          \
	X(ERR_STORAGE_SPACES, "storage-spaces", 422, REFUSE,                                                               \
		"move Windows to a disk of its own: a member of a storage pool cannot be prepared")                        \
	X(ERR_PENDING_SERVICING, "pending-servicing", 422, REFUSE,                                                         \
		"let Windows finish its updates: restart it, then shut it down")                                           \
	X(ERR_UNKNOWN_PLATFORM, "unknown-platform", 400, USAGE,                                                            \
		"see `cectl local list-platforms`")                                                                        \
	X(ERR_NEEDS_FIRST_BOOT, "needs-first-boot", 422, REFUSE,                                                           \
		"leave the option out: it needs the running Windows")                                                      \
	X(ERR_VDA_MISSING, "vda-missing", 422, REFUSE,                                                                     \
		"install the Virtual Delivery Agent in the image, or leave xdReconfigure out")                             \
	X(ERR_BOOT_DRIVER_MISSING, "boot-driver-missing", 422, REFUSE,                                                     \
		"upload a driver pack that has the device for this Windows")                                               \
	X(ERR_PACK_NOT_FOUND, "pack-not-found", 404, REFUSE,                                                               \
		"upload the pack with PUT /v1/packs/NAME")                                                                 \
	X(ERR_PACK_BUSY, "pack-busy", 409, REFUSE,                                                                         \
		"wait for the job or the upload that has the pack")                                                        \
	X(ERR_PACK_INVALID, "pack-invalid", 422, REFUSE,                                                                   \
		"make the pack anew from its vendor's files")                                                              \
	X(ERR_HASH_MISMATCH, "hash-mismatch", 422, REFUSE,                                                                 \
		"the disk is not the one that was exported, or was prepared since: upload it again, or leave md5Hash out") \
	X(ERR_VERIFY_FAILED, "verify-failed", 500, FAIL,                                                                   \
		"the disk is untouched; report it with the job's log")                                                     \
	X(ERR_HIVE_DAMAGED, "hive-damaged", 422, REFUSE,                                                                   \
		"let Windows repair it: start it once, or restore the hive")                                               \
	X(ERR_HIVE_DIRTY, "hive-dirty", 422, REFUSE,                                                                       \
		"start Windows once and shut it down, then take the disk again")                                           \
	X(ERR_HIVE_TOO_LARGE, "hive-too-large", 422, REFUSE,                                                               \
		"a registry hive of this size cannot be changed offline: compact it in Windows first")                     \
	X(ERR_INF_INVALID, "inf-invalid", 422, REFUSE,                                                                     \
		"take the driver package from its vendor again")                                                           \
	/* the output */                                                                                                   \
	X(ERR_TARGET_EXISTS, "target-exists", 409, REFUSE,                                                                 \
		"choose another name or set overwriteTargetFile")                                                          \
	X(ERR_TARGET_FOLDER, "target-folder", 422, REFUSE,                                                                 \
		"create the destination's folder or give write permission on it")                                          \
	X(ERR_TARGET_BUSY, "target-busy", 409, REFUSE, "another export writes there: wait for it")                         \
	X(ERR_NO_SPACE, "no-space", 507, REFUSE, "free space where the message says")                                      \
	X(ERR_WRITE, "write", 500, FAIL, "check the destination's storage and repeat")                                     \
	X(ERR_SHARE_UNREACHABLE, "share-unreachable", 502, REFUSE,                                                         \
		"check host, port and firewall between the worker and the share")                                          \
	X(ERR_SHARE_LOGIN, "share-login", 502, REFUSE, "check user, domain and password")                                  \
	X(ERR_SHARE_NOT_FOUND, "share-not-found", 502, REFUSE,                                                             \
		"check the share's name and the folder")                                                                   \
	X(ERR_SHARE_ACCESS, "share-access", 502, REFUSE,                                                                   \
		"give the user write permission on the share and the folder")                                              \
	X(ERR_SHARE_PROTOCOL, "share-protocol", 502, REFUSE,                                                               \
		"enable SMB 2.1 or later on the server, with signing and what was asked for")                              \
	X(ERR_SHARE_LOST, "share-lost", 502, FAIL, "post the request again: it resumes")                                   \
	X(ERR_CALLBACK, "callback", 502, FAIL,                                                                             \
		"check the callback of the enrolment document: address, CA, fingerprints")                                 \
	X(ERR_CHECK_FAILED, "check-failed", 500, FAIL,                                                                     \
		"the written image is not what was planned: repeat")
