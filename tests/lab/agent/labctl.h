/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LAB_LABCTL_H
#define LAB_LABCTL_H

/* usage.c: what every domain holds, one counted line per kind */
int usage_print(void);

#endif
