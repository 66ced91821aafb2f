#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Check that the lab's tests can fail. Each mutant is a kernel module with one rule
# of docs/internals/security-model.md broken; the scenario that proves the rule must
# fail with that module. (`make check` and `lab suite` run the scenarios without
# mutants.) A mutant takes about a minute and a half.
#
# Usage: mutants.sh WORK-DIR PAYLOAD [NAME...]
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=${1:?usage: mutants.sh WORK-DIR PAYLOAD [NAME...]}
payload=${2:?usage: mutants.sh WORK-DIR PAYLOAD [NAME...]}
shift 2
wanted=" $* "
survivors=0 killed=0

rm -rf "$work"
mkdir -p "$work"
work=$(cd "$work" && pwd)
payload=$(cd "$payload" && pwd)

# fresh: copy the tree and the lab's payload to the work folder. Every file of the
# copy is newer than all objects that an earlier mutant has left.
fresh() {
	rm -rf "$work/tree" "$work/payload"
	mkdir -p "$work/tree"
	git -C "$top" ls-files -z | tar -C "$top" --null -T - -cf - |
		tar -C "$work/tree" -xmf -
	cp -a "$payload" "$work/payload"
}

# build NAME: the modules of the tree, into the payload
build() {
	make -s -C "$work/tree" B="$work/build" payload-modules \
		>"$work/$1.log" 2>&1 || {
		cat "$work/$1.log"
		echo "mutants: $1 does not compile"
		exit 1
	}
	cp "$work/build/payload/dom0"/*.ko "$work/payload/dom0/"
	cp "$work/build/payload/guest"/*.ko "$work/payload/guest/"
}

# mutant NAME SCENARIO FILE SED-SCRIPT: break FILE with the script, which must
# change something, and run the scenario, which must fail
mutant() {
	local name=$1 scenario=$2 file=$3 why

	[ "$wanted" = "  " ] || [[ $wanted == *" $name "* ]] || return 0
	fresh
	sed -i -e "$4" "$work/tree/kernel/$file"
	if cmp -s "$work/tree/kernel/$file" "$top/kernel/$file"; then
		echo "mutants: $name: nothing to change; $file has moved on"
		exit 1
	fi
	build "$name"
	if PAYLOAD="$work/payload" "$top/scripts/lab/lab" suite "$scenario" \
		>"$work/$name.log" 2>&1; then
		echo "mutants: $name SURVIVED $scenario"
		survivors=$((survivors + 1))
		return
	fi
	why=$(sed -nE "s/^.* s  $scenario: fail \((.*)\)\$/\1/p" "$work/$name.log" |
		tail -n 1)
	if [ -z "$why" ]; then
		tail -n 20 "$work/$name.log"
		echo "mutants: $name: $scenario has not been run"
		exit 1
	fi
	echo "mutants: $name: $scenario: ${why:0:150}"
	killed=$((killed + 1))
}

## The backend
# The delay gives a hostile guest the time for which it otherwise needs luck.
mutant request-checked-in-place hostile-front back/request.c \
	's/= requests\[req->op\](/= (mdelay(1), requests[READ_ONCE(fe->ctl->req[(fe->req_cons - 1) % IVC_CTL_REQS].op)])(/; s/#include "back.h"/#include <linux\/delay.h>\n&/'
mutant shared-index-believed hostile-front back/ctlring.c \
	's/ivc_store_rel(&fe->ctl->ev_prod, ++fe->ev_prod);/fe->ev_prod = ivc_load(\&fe->ctl->ev_prod) + 1; ivc_store_rel(\&fe->ctl->ev_prod, fe->ev_prod);/'
mutant requests-unbounded hostile-front back/ctlring.c \
	's/if (waiting > IVC_CTL_REQS)/if (0)/'
mutant events-unbounded hostile-front back/ctlring.c \
	's/if (used > IVC_CTL_EVENTS)/if (0)/'
mutant anybodys-member hostile-front back/group.c \
	's/return m && m->fe == fe ? m : NULL;/return m;/'
mutant any-version hostile-front back/xenbus.c \
	's/^\t    version == IVC_PROTOCOL_VERSION)/\t    1)/'
mutant failed-but-connected hostile-front back/xenbus.c \
	's/^\t\t    fe_connect(dev))$/\t\t    (fe_connect(dev), 0))/; s/^\t\tfe_start(dev);$/\t\tif (dev_get_drvdata(\&dev->dev))\n\t&/'
mutant no-realms realms back/group.c 's/ && !strcmp(g->realm, realm)//'
mutant no-quota-of-channels quota back/conn.c \
	's/fe->used.channels >= fe->max.channels/0/'
mutant no-quota-of-pages quota back/conn.c \
	's/pages > fe->max.pages - min(fe->max.pages, fe->used.pages)/0/'
mutant no-quota-of-contexts quota back/group.c \
	's/if (fe->used.contexts >= fe->max.contexts)/if (0)/'
mutant nobody-is-told-of-the-dead death back/conn.c \
	's/ivcb_ctlring_owe(told->fe, &told->owed, OWE_GONE);/;/'

## The frontend
mutant events-of-the-backend-unbounded hostile-back front/ctlring.c \
	's/if (waiting > IVC_CTL_EVENTS)/if (0)/'
mutant one-element-checked hostile-front front/map.c \
	's/else if (!err)$/else if (!err \&\& !j)/'
mutant mappings-not-counted hostile-peer front/mmap.c \
	's/^\t++\*maps_of(vma);/\t;/'
mutant mapped-more-than-once hostile-peer front/mmap.c \
	's/ch->mmaps\[[012]\] ? -EBUSY : //'
mutant directory-believed hostile-front front/map.c \
	's/if (dir->magic != IVC_DIR_MAGIC .*/if (dir->magic != IVC_DIR_MAGIC ||/; s/^\t\t    !dir->last != (done + want < nr)) {/\t\t    0) {/'
mutant kernel-page-believed hostile-front front/channel.c \
	's/if (ivc_load(&kctl->magic) != IVC_KCTL_MAGIC ||/if (0 \&\&/'
mutant pages-not-zeroed hostile-front front/grant.c \
	's/GFP_KERNEL_ACCOUNT | __GFP_ZERO |/GFP_KERNEL_ACCOUNT |/'
mutant freed-while-granted hostile-front front/grant.c \
	's/!gnttab_try_end_foreign_access(refs\[i\]))/(gnttab_try_end_foreign_access(refs[i]), 0))/'
mutant granted-without-end hostile-front front/connect.c \
	's/overdue > IVC_MAX_OVERDUE || closed > IVC_MAX_CLOSED/overdue == 4711 \&\& closed == 4712/'
mutant directory-kept-for-nothing hostile-front front/connect.c \
	's/READ_ONCE(ch->grant.granted) ? /READ_ONCE(ch->grant.granted) > 2 ? /'
mutant never-spurious hostile-front front/doorbell.c \
	's/heard || is_new || armed ? 0/heard || is_new || armed || true ? 0/'
mutant unloaded-while-open death front/context-fd.c '/\.owner = THIS_MODULE,/d'
mutant found-connected-not-reset death front/xenbus.c \
	's/if (dev->state != XenbusStateInitialising)$/if (0)/'
mutant suspend-hands-nothing-over suspend front/xenbus.c \
	's/^\tivcf_hand_over_all(-EREMCHG, true);//'
mutant cancelled-suspend-forgotten suspend front/xenbus.c \
	's/^\t\tif (ivc_front.dev)$/\t\tif (0)/'
mutant a-node-for-each-channel many front/connect.c \
	's/^\tch->local = ch->peer.local;/&\n\txenbus_printf(XBT_NIL, "device\/ivc\/0", "channel", "%llu", ch->peer.member);/'

echo "mutants: those killed have passed, those that survived failed"
echo "$killed passed, $survivors failed"
[ "$survivors" = 0 ]
