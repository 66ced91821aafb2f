/* SPDX-License-Identifier: MIT */
/*
 * Ranks that have no channel because a quota is used up use the network, and
 * nobody would see why. A quota is of a machine's user, or of a guest, so the
 * first rank of the job there that comes to it says so, and all others are
 * silent: whose file in the job's folder of this host it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "btl_ivc.h"
#include "opal/util/output.h"

static const struct {
	const char *what;
	const char *local; /* ivcd's option */
	const char *guest; /* ivcctl's, and the policy's */
} quotas[] = {
	[COORD_QUOTA_CONTEXTS] = { "processes", "contexts", "contexts" },
	[COORD_QUOTA_CHANNELS] = { "ends of channels", "channels", "channels" },
	[COORD_QUOTA_MEMORY] = { "memory for rings", "bytes", "pages" },
};

/* Without such a folder, each rank for itself. Open MPI removes the file. */
static bool is_first(void)
{
	const char *dir = opal_process_info.job_session_dir;
	char path[4096];
	int fd, n;

	if (!dir)
		return true;
	n = snprintf(path, sizeof(path), "%s/btl-ivc-quota", dir);
	if (n < 0 || (size_t)n >= sizeof(path))
		return true;
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno != EEXIST;
	close(fd);
	return true;
}

static const char *setting(const char *variable)
{
	const char *value = secure_getenv(variable);

	return value && *value ? value : NULL;
}

/*
 * Does libivc use a guest's device here, or ivcd? It decides in this order
 * (libivc(7), ENVIRONMENT), and has no call that tells after a failure.
 */
static bool is_guest(void)
{
	const char *transport = setting("IVC_TRANSPORT");

	if (transport)
		return !strcmp(transport, "xen");
	if (setting("IVC_DEVICE"))
		return true;
	return !setting("IVC_SOCKET") && !access("/dev/ivc", F_OK);
}

void btl_ivc_over_quota(void *arg, enum coord_quota which)
{
	const char *host = opal_process_info.nodename;
	const char *smaller = which == COORD_QUOTA_MEMORY
				      ? ", or use smaller rings (see "
					"btl_ivc_ring_size)"
				      : "";

	(void)arg;
	if (!is_first())
		return;
	host = host ? host : "this host";
	if (is_guest())
		opal_output(0,
			    "btl ivc: some ranks on %s use TCP instead of IVC: "
			    "guest %s has as many %s as it may: raise "
			    "max-%s in its host's policy (ivc-policy(5), "
			    "ivcctl attach --max-%s N)%s",
			    host, host, quotas[which].what, quotas[which].guest,
			    quotas[which].guest, smaller);
	else
		opal_output(0,
			    "btl ivc: some ranks on %s use TCP instead of IVC: "
			    "user %u has as many %s as ivcd lets one have: "
			    "start ivcd with a higher --max-%s%s",
			    host, (unsigned int)geteuid(), quotas[which].what,
			    quotas[which].local, smaller);
}
