package translate

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// checkLocality reports what of a rule's wishes for near endpoints cannot hold, or holds in a way of gRPC's own.
func checkLocality(at site, lb *networking.LoadBalancerSettings) {
	zoned, located := lb.GetZoneAwareLbSetting(), lb.GetLocalityLbSetting()
	zoneAt, locatedAt := at.field("zoneAwareLbSetting"), at.field("localityLbSetting")
	if zoned != nil && enabled(zoned) {
		checkZoneAware(zoneAt, zoned)
		if located != nil {
			locatedAt.warnf(mesh.CodeInvalidValue, "zoneAwareLbSetting holds and this does not; keep one of them")
		}
		return
	}
	if located == nil || !enabled(located) {
		return
	}
	if len(located.GetDistribute()) == 0 {
		checkFailover(locatedAt.field("failover"), located.GetFailover())
		checkFailoverPriority(locatedAt.field("failoverPriority"), located.GetFailoverPriority())
		return
	}
	if len(located.GetFailover())+len(located.GetFailoverPriority()) > 0 {
		locatedAt.warnf(mesh.CodeInvalidValue, "distribute holds, and failover and failoverPriority do not; keep one of them")
	}
	checkDistribute(locatedAt.field("distribute"), located.GetDistribute())
}

func checkDistribute(at site, rules []*networking.LocalityLoadBalancerSetting_Distribute) {
	for i, rule := range rules {
		where := at.index(i)
		if rule.GetFrom() == "" {
			where.field("from").warnf(mesh.CodeInvalidValue, "no locality is named, so it holds for all clients; write * for them, or region/zone")
		}
		if !positive(rule.GetTo()) {
			where.field("to").errorf(mesh.CodeInvalidValue, "no locality has a share, so these shares hold for nobody; give one a weight")
			continue
		}
		total := uint64(0)
		for _, weight := range rule.GetTo() {
			total += uint64(weight)
		}
		if total != 100 {
			where.field("to").warnf(mesh.CodeInvalidValue, "the weights sum to %d, and are taken as parts of that; make them sum to 100", total)
		}
	}
}

func checkFailover[F regionPair](at site, list []F) {
	seen := map[string]bool{}
	for i, f := range list {
		from, to, where := f.GetFrom(), f.GetTo(), at.index(i)
		switch {
		case from == "" || to == "" || strings.ContainsAny(from+to, "/*"):
			where.warnf(mesh.CodeInvalidValue, "%q to %q names no two regions, so it holds for nobody; write regions, without zones", from, to)
		case from == to:
			where.warnf(mesh.CodeInvalidValue, "the region %q cannot stand by for itself; name another", to)
		case seen[from]:
			where.warnf(mesh.CodeInvalidValue, "another entry speaks of the region %q, and holds; keep one", from)
		}
		seen[from] = true
	}
}

func checkFailoverPriority(at site, labels []string) {
	for i, label := range labels {
		if key, _, _ := strings.Cut(label, "="); key == "" {
			at.index(i).warnf(mesh.CodeInvalidValue, "%q names no label, so it tells no endpoints apart; write a key, or key=value", label)
		}
	}
}

func checkZoneAware(at site, z *networking.ZoneAwareLoadBalancerSetting) {
	at.approximatef("gRPC does not measure where calls come from; clients are taken to be spread evenly over the zones")
	checkFailover(at.field("failover"), z.GetFailover())
	checkFailoverPriority(at.field("failoverPriority"), z.GetFailoverPriority())
	for i, label := range z.GetFailoverPriority() {
		key, _, _ := strings.Cut(label, "=")
		if slices.Contains([]string{labelRegion, labelZone, labelSubZone}, key) {
			at.field("failoverPriority").index(i).warnf(mesh.CodeInvalidValue, "%s counts anyway, and is not meant to stand here; leave it out", key)
		}
	}
}
