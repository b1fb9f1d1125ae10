/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Platforms as rows of one static table: what a Windows needs to boot there, what its tools leave in a
 * guest, how it differs in settings. A new hypervisor is one row and its lists. Sources: facts
 * windows-and-peers 1.3 (removal lists), 1.4.7 (boot paths), 1.8 (settings).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A device of the platform that needs a driver from a pack; in-box drivers are boot_services. */
struct platform_device {
	const char *id;	     /* hardware id: "PCI\\VEN_1AF4&DEV_1004" */
	const char *title;   /* "virtio SCSI controller" */
	const char *service; /* its driver's usual name, for messages */
	/* Devices of one boot group are alternatives: at least one of them must get a driver. 0: optional. */
	unsigned boot_group;
	bool boots; /* disks may be behind it: a driver that is there is to load at boot */
	bool nic;   /* without one of these drivers there is no network at all */
};

/* A way to start from, by in-box drivers: all of its services are needed. */
struct boot_path {
	const char *title; /* "NVMe" */
	const char *services[3];
};

/* What the tools of a platform leave in a guest: exact names only, never a prefix or a vendor id. */
struct strip_service {
	const char *name;
	bool disable_only; /* [K] in the facts: not proven by a real hive: Start 4, never deleted */
	/* Part of its ImagePath, where the name alone is nobody's in particular; NULL: any. */
	const char *image;
};

enum setting_rule {
	SETTING_ANY,	/* whatever it is: only the agent knows this value */
	SETTING_NUMBER, /* a DWORD of exactly that number */
	SETTING_TEXT,	/* exactly that text, but for case */
	SETTING_TAIL,	/* ends with that text, which is cut off */
	SETTING_ENSURE, /* to be that number, where the key exists */
};

/* A setting that the platform's agent made; what it holds otherwise is somebody else's and stays. */
struct strip_setting {
	const char *key;  /* below each control set; a part "*" is any subkey */
	bool software;	  /* key is in SOFTWARE instead */
	const char *name; /* of the value; "prefix*" where names begin so */
	enum setting_rule rule;
	const char *text;
	unsigned number;
	const char *why;
};

/*
 * A stripped service that stands in Upper- or LowerFilters, of a class or a device, is taken out there.
 * Each list of names ends with NULL.
 */
struct strip_list {
	/* The drivers in it also serve targets of this family ("virtio"): then the list is not applied. */
	const char *family;
	bool shared; /* tools that several platforms have: no evidence for one of them */
	const struct strip_service *services; /* ends with a zero row */
	const char *const *inf_names;	      /* original INF names of its driver packages */
	const char *const *providers;	   /* and the Provider they must say: both have to match */
	const char *const *fixed_packages; /* DriverInfFiles names that are not oemN.inf */
	const char *const *network_providers; /* tokens of NetworkProvider\Order */
	const char *const *winsock_dlls;      /* providers in the Winsock catalog: reported, kept */
	const char *const *coinstallers;      /* DLLs in Control\CoDeviceInstallers */
	const char *const *system_keys;	      /* below each control set */
	const char *const *event_sources;     /* "Application\\name" below Services\EventLog */
	const char *const *uninstall_names;   /* DisplayName; "prefix*" where versions follow */
	const char *const *upgrade_codes;     /* MSI */
	const char *const *run_values;	      /* below CurrentVersion\Run */
	const char *const *registered_apps;   /* values of RegisteredApplications */
	const char *const *software_keys;     /* below SOFTWARE and its Wow6432Node */
	const char *const *software_parents;  /* the same, where nothing but listed keys is in it */
	const char *const *tasks;	      /* scheduled tasks: "folder\\name" */
	const char *const *files;	      /* files and folders, from the volume's root */
	const char *const *hosts_lines; /* of drivers\etc\hosts, words one blank apart; "*tail" */
	const char *const *ntp_servers; /* the agent made them the time source */
	const char *const *kms_servers; /* and these the licence server */
	const struct strip_setting *settings; /* ends with a zero row */
};

struct platform {
	const char *name;  /* stable: "vsphere"; in requests, logs, goldens */
	const char *title; /* "VMware vSphere" */
	bool is_target;	   /* VirtualBox is a source only */
	/* In-box services of every boot path: Start 0 and no StartOverride, in all control sets. */
	const char *const *boot_services;
	/* At least one of them has to be there; ends with a zero row. NULL: boot groups of devices say it. */
	const struct boot_path *boot_paths;
	const struct platform_device *devices;
	const struct strip_list *const
		*strips;     /* NULL-terminated; NULL: leaves nothing of its own */
	const char *family;  /* of the drivers it runs on: "virtio"; NULL */
	bool rtc_utc;	     /* RealTimeIsUniversal 1 */
	unsigned ems_port;   /* serial port of EMS: 1, 2; 0: off */
	bool temporary_disk; /* sizes with a temporary disk exist: pagefile may move there */
};

extern const struct platform platforms[];		/* ends with a row without a name */
const struct platform *platform_find(const char *name); /* NULL: unknown */
