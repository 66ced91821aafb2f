// SPDX-License-Identifier: GPL-2.0
/*
 * Event channels and interrupts. Promised as by Xen's public/event_channel.h
 * and Linux's drivers/xen/events/events_base.c: a port that is notified again
 * before its handler has run gives one event; a handler of a late-EOI interrupt
 * is not called again before the EOI; handlers of different interrupts run side
 * by side; whoever binds gets a first event. An EOI that is flagged as spurious
 * is counted, not delayed.
 */
#include "inner.h"

#define VCPUS 2

pthread_mutex_t stub_xen = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t stub_xen_cond = PTHREAD_COND_INITIALIZER;

/* ------------------------------------------------- ports, under the lock */

int stub_port_new(struct stub_dom *d, domid_t remote)
{
	u32 i;

	if (d->count.ports >= d->max_ports)
		return -ENOSPC;
	for (i = 1; i < STUB_PORTS; i++) {
		if (d->ports[i].state != PORT_FREE)
			continue;
		d->ports[i] = (struct stub_port){ .state = PORT_UNBOUND,
						  .remote_dom = remote,
						  .irq = -1 };
		d->count.ports++;
		return (int)i;
	}
	return -ENOSPC;
}

static struct stub_port *other_end(const struct stub_port *p)
{
	struct stub_dom *d;

	if (p->state != PORT_BOUND)
		return NULL;
	d = stub_dom_find(p->remote_dom);
	return d ? &d->ports[p->remote] : NULL;
}

static void set_pending(struct stub_port *p)
{
	p->pending = true;
	pthread_cond_broadcast(&stub_xen_cond);
}

static int port_close(struct stub_dom *d, u32 port)
{
	struct stub_port *p, *other;

	if (port >= STUB_PORTS || d->ports[port].state == PORT_FREE)
		return -EINVAL;
	p = &d->ports[port];
	BUG_ON(p->irq >= 0 && "a port is closed whose interrupt is bound");
	other = other_end(p);
	if (other) {
		other->state = PORT_UNBOUND;
		other->remote_dom = d->id;
	}
	p->state = PORT_FREE;
	d->count.ports--;
	return 0;
}

static int bind_interdomain(struct stub_dom *d, domid_t remote, u32 port)
{
	struct stub_dom *r = stub_dom_find(remote);
	int local;

	if (!r || port >= STUB_PORTS || r->ports[port].state != PORT_UNBOUND ||
	    r->ports[port].remote_dom != d->id)
		return -EINVAL;
	local = stub_port_new(d, remote);
	if (local < 0)
		return local;
	d->ports[local].state = PORT_BOUND;
	d->ports[local].remote = port;
	r->ports[port].state = PORT_BOUND;
	r->ports[port].remote = (u32)local;
	/* For notifications that were sent before the binding. */
	set_pending(&d->ports[local]);
	return local;
}

int HYPERVISOR_event_channel_op(int cmd, void *arg)
{
	struct evtchn_bind_interdomain *b = arg;
	struct evtchn_alloc_unbound *a = arg;
	struct evtchn_close *c = arg;
	struct stub_dom *d = stub_current();
	int ret;

	stub_pause();
	stub_lock(&stub_xen);
	switch (cmd) {
	case EVTCHNOP_alloc_unbound:
		ret = a->dom == DOMID_SELF ? stub_port_new(d, a->remote_dom)
					   : -EPERM;
		if (ret > 0)
			a->port = (u32)ret;
		break;
	case EVTCHNOP_bind_interdomain:
		ret = bind_interdomain(d, b->remote_dom, b->remote_port);
		if (ret > 0)
			b->local_port = (u32)ret;
		break;
	case EVTCHNOP_close:
		ret = port_close(d, c->port);
		break;
	default:
		ret = -ENOSYS;
	}
	stub_unlock(&stub_xen);
	return min(ret, 0);
}

/* --------------------------------------------------------- interrupts */

static struct stub_irq *irq_at(struct stub_dom *d, unsigned int irq)
{
	BUG_ON(irq >= STUB_IRQS || !d->irqs[irq].used);
	return &d->irqs[irq];
}

static bool ready(struct stub_dom *d, const struct stub_irq *q)
{
	return q->used && d->ports[q->port].pending && !q->disabled &&
	       !q->running && !q->masked;
}

static void *vcpu(void *arg)
{
	struct stub_dom *d = arg;
	struct stub_irq *q;
	u32 i, turn = 0;

	stub_lock(&stub_xen);
	for (;;) {
		q = NULL;
		for (i = 0; i < d->next_irq && !q; i++)
			if (ready(d, &d->irqs[(turn + i) % d->next_irq]))
				q = &d->irqs[(turn + i) % d->next_irq];
		if (!q) {
			pthread_cond_wait(&stub_xen_cond, &stub_xen);
			continue;
		}
		turn += i;
		d->ports[q->port].pending = false;
		q->running = true;
		q->masked = true;
		stub_unlock(&stub_xen);

		stub_pause();
		stub_atomic++;
		q->handler((int)(q - d->irqs), q->data);
		stub_atomic--;
		BUG_ON(stub_atomic);

		stub_lock(&stub_xen);
		q->running = false;
		pthread_cond_broadcast(&stub_xen_cond);
	}
	return NULL;
}

void stub_start_events(struct stub_dom *d)
{
	pthread_t t;
	int i;

	for (i = 0; i < VCPUS; i++) {
		stub_spawn(d, vcpu, d, &t);
		pthread_detach(t);
	}
}

static int bind_irq(struct stub_dom *d, u32 port, irq_handler_t handler,
		    void *data)
{
	u32 i;

	BUG_ON(port >= STUB_PORTS || d->ports[port].state == PORT_FREE);
	BUG_ON(d->ports[port].irq >= 0);
	for (i = 0; i < STUB_IRQS && d->irqs[i].used; i++)
		;
	if (i == STUB_IRQS)
		return -ENOSPC;
	d->irqs[i] = (struct stub_irq){
		.used = true, .handler = handler, .data = data, .port = port
	};
	d->ports[port].irq = (int)i;
	d->next_irq = max(d->next_irq, i + 1);
	d->count.irqs++;
	pthread_cond_broadcast(&stub_xen_cond);
	return (int)i;
}

int bind_evtchn_to_irqhandler_lateeoi(evtchn_port_t port, irq_handler_t handler,
				      unsigned long flags, const char *name,
				      void *data)
{
	int irq;

	(void)flags;
	(void)name;
	if (!stub_may_alloc(GFP_KERNEL))
		return -ENOMEM;
	stub_lock(&stub_xen);
	irq = bind_irq(stub_current(), port, handler, data);
	stub_unlock(&stub_xen);
	stub_pause();
	return irq;
}

int bind_interdomain_evtchn_to_irqhandler_lateeoi(struct xenbus_device *dev,
						  evtchn_port_t remote_port,
						  irq_handler_t handler,
						  unsigned long flags,
						  const char *name, void *data)
{
	int port, irq;

	(void)flags;
	(void)name;
	if (!stub_may_alloc(GFP_KERNEL))
		return -ENOMEM;
	stub_lock(&stub_xen);
	port = bind_interdomain(stub_current(), (domid_t)dev->otherend_id,
				remote_port);
	irq = port < 0 ? port
		       : bind_irq(stub_current(), (u32)port, handler, data);
	stub_unlock(&stub_xen);
	return irq;
}

void unbind_from_irqhandler(unsigned int irq, void *data)
{
	struct stub_dom *d = stub_current();
	struct stub_irq *q;

	might_sleep();
	stub_lock(&stub_xen);
	q = irq_at(d, irq);
	BUG_ON(q->data != data);
	q->disabled++;
	while (q->running)
		pthread_cond_wait(&stub_xen_cond, &stub_xen);
	q->used = false;
	d->ports[q->port].irq = -1;
	port_close(d, q->port);
	d->count.irqs--;
	stub_unlock(&stub_xen);
}

void notify_remote_via_irq(int irq)
{
	struct stub_dom *d = stub_current();
	struct stub_port *other;

	stub_lock(&stub_xen);
	d->count.notified++;
	other = other_end(&d->ports[irq_at(d, (unsigned int)irq)->port]);
	if (other)
		set_pending(other);
	stub_unlock(&stub_xen);
}

/* Linux ignores an EOI of an interrupt that is not bound any more. */
void xen_irq_lateeoi(unsigned int irq, unsigned int flags)
{
	struct stub_dom *d = stub_current();
	struct stub_irq *q;

	stub_lock(&stub_xen);
	q = irq_at(d, irq);
	d->count.eois++;
	d->count.spurious += !!(flags & XEN_EOI_FLAG_SPURIOUS);
	q->masked = false;
	pthread_cond_broadcast(&stub_xen_cond);
	stub_unlock(&stub_xen);
}

void disable_irq_nosync(unsigned int irq)
{
	stub_lock(&stub_xen);
	irq_at(stub_current(), irq)->disabled++;
	stub_unlock(&stub_xen);
}

void synchronize_irq(unsigned int irq)
{
	struct stub_irq *q;

	might_sleep();
	stub_lock(&stub_xen);
	q = irq_at(stub_current(), irq);
	while (q->running)
		pthread_cond_wait(&stub_xen_cond, &stub_xen);
	stub_unlock(&stub_xen);
}

void disable_irq(unsigned int irq)
{
	disable_irq_nosync(irq);
	synchronize_irq(irq);
}

void enable_irq(unsigned int irq)
{
	struct stub_irq *q;

	stub_lock(&stub_xen);
	q = irq_at(stub_current(), irq);
	BUG_ON(!q->disabled);
	q->disabled--;
	pthread_cond_broadcast(&stub_xen_cond);
	stub_unlock(&stub_xen);
}

/* ----------------------------------------------------------- accounting */

struct stub_count stub_count(struct stub_dom *d)
{
	struct stub_count c;

	stub_lock(&stub_xen);
	c = d->count;
	c.grants = d->nr_refs;
	c.handles = d->nr_handles;
	stub_unlock(&stub_xen);
	return c;
}

void stub_max_ports(struct stub_dom *d, u32 n)
{
	stub_lock(&stub_xen);
	d->max_ports = n;
	stub_unlock(&stub_xen);
}
