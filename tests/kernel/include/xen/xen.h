/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STUB_XEN_XEN_H
#define STUB_XEN_XEN_H

#include <linux/types.h>

bool xen_domain(void);
bool xen_pv_domain(void); /* of the domain that the thread runs in */

#endif
