/* SPDX-License-Identifier: MIT */
#include "contenders.h"

const struct contender *const contenders[] = {
	&floor_contender,     &copy_contender,
	&pipefloor_contender, &ivc_contender,
	&ivc_wait_contender,  &ivc_place_contender,
	&unix_contender,      &pipe_contender,
	&tcp_contender,	      NULL,
};
