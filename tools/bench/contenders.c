/* SPDX-License-Identifier: MIT */
#include "contenders.h"

const struct end_kind *const end_kinds[] = {
	&line_kind,	 &copy_kind, &pipeline_kind, &ivc_kind, &ivc_wait_kind,
	&ivc_place_kind, &unix_kind, &pipe_kind,     &tcp_kind, NULL,
};
