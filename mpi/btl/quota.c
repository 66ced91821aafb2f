/* SPDX-License-Identifier: MIT */
/*
 * Ranks without a channel because of a quota use the network, and nobody would
 * see the reason. A quota is that of a user on a machine, or of a guest. So the
 * first rank of the job on each host that exceeds a quota prints a line: the
 * rank that creates a file in the job's folder. All others are silent.
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
	const char *local; /* the option of ivcd */
	const char *guest; /* the option of ivcctl, the key of the policy */
} quotas[] = {
	[COORD_QUOTA_CONTEXTS] = { "processes", "contexts", "contexts" },
	[COORD_QUOTA_CHANNELS] = { "ends of channels", "channels", "channels" },
	[COORD_QUOTA_MEMORY] = { "memory for rings", "bytes", "pages" },
};

/* Without the folder, each rank prints the line. Open MPI removes the file. */
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
 * Whether libivc uses a guest's device here, and not ivcd. It decides in this
 * order (libivc(7), ENVIRONMENT), and has no call that tells after a failure.
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
				      ? ", or set a smaller "
					"btl_ivc_ring_size"
				      : "";

	(void)arg;
	if (!is_first())
		return;
	host = host ? host : "this host";
	if (is_guest())
		opal_output(0,
			    "btl ivc: some ranks on %s use TCP instead of IVC: "
			    "guest %s has reached its limit of %s: raise "
			    "max-%s in its host's policy (ivc-policy(5), "
			    "ivcctl attach --max-%s N)%s",
			    host, host, quotas[which].what, quotas[which].guest,
			    quotas[which].guest, smaller);
	else
		opal_output(0,
			    "btl ivc: some ranks on %s use TCP instead of IVC: "
			    "user %u has reached ivcd's limit of %s: start "
			    "ivcd with a higher --max-%s%s",
			    host, (unsigned int)geteuid(), quotas[which].what,
			    quotas[which].local, smaller);
}
