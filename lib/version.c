/* SPDX-License-Identifier: MIT */
/* Version of the library at run time. */
#include <ivc/ivc.h>

uint32_t ivc_version(void)
{
	return (uint32_t)IVC_VERSION_MAJOR << 16 | IVC_VERSION_MINOR;
}
