/* SPDX-License-Identifier: GPL-2.0 */
/* Event channels and their interrupts: stub/event.c. */
#ifndef STUB_XEN_EVENTS_H
#define STUB_XEN_EVENTS_H

#include <xen/grant_table.h>

typedef u32 evtchn_port_t;

typedef enum irqreturn {
	IRQ_NONE,
	IRQ_HANDLED,
} irqreturn_t;

typedef irqreturn_t (*irq_handler_t)(int irq, void *data);

#define EVTCHNOP_bind_interdomain 0
#define EVTCHNOP_close 3
#define EVTCHNOP_alloc_unbound 6

struct evtchn_alloc_unbound {
	domid_t dom, remote_dom;
	evtchn_port_t port;
};

struct evtchn_bind_interdomain {
	domid_t remote_dom;
	evtchn_port_t remote_port;
	evtchn_port_t local_port;
};

struct evtchn_close {
	evtchn_port_t port;
};

int HYPERVISOR_event_channel_op(int cmd, void *arg);

#define XEN_EOI_FLAG_SPURIOUS 1u

struct xenbus_device;

int bind_evtchn_to_irqhandler_lateeoi(evtchn_port_t port, irq_handler_t handler,
				      unsigned long flags, const char *name,
				      void *data);
int bind_interdomain_evtchn_to_irqhandler_lateeoi(struct xenbus_device *dev,
						  evtchn_port_t remote_port,
						  irq_handler_t handler,
						  unsigned long flags,
						  const char *name, void *data);
void unbind_from_irqhandler(unsigned int irq, void *data);
void notify_remote_via_irq(int irq);
void xen_irq_lateeoi(unsigned int irq, unsigned int flags);
void disable_irq(unsigned int irq);
void disable_irq_nosync(unsigned int irq);
void enable_irq(unsigned int irq);
void synchronize_irq(unsigned int irq);

#endif
