package endpoints

import (
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// CheckLocality reports the parts of localityLbSetting and zoneAwareLbSetting that have no effect or a different
// effect in gRPC.
func CheckLocality(at report.Field, lb *networking.LoadBalancerSettings) {
	zoned, located := lb.GetZoneAwareLbSetting(), lb.GetLocalityLbSetting()
	zoneAt, locatedAt := at.Child("zoneAwareLbSetting"), at.Child("localityLbSetting")
	if zoned != nil && enabled(zoned) {
		checkZoneAware(zoneAt, zoned)
		if located != nil {
			locatedAt.Warnf(mesh.CodeInvalidValue, "zoneAwareLbSetting takes precedence. This setting has no effect. Keep one of the two.")
		}
		return
	}
	if located == nil || !enabled(located) {
		return
	}
	if len(located.GetDistribute()) == 0 {
		checkFailover(locatedAt.Child("failover"), located.GetFailover())
		checkFailoverPriority(locatedAt.Child("failoverPriority"), located.GetFailoverPriority())
		return
	}
	if len(located.GetFailover())+len(located.GetFailoverPriority()) > 0 {
		locatedAt.Warnf(mesh.CodeInvalidValue, "distribute takes precedence. failover and failoverPriority have no effect. Keep one of them.")
	}
	checkDistribute(locatedAt.Child("distribute"), located.GetDistribute())
}

func checkDistribute(at report.Field, rules []*networking.LocalityLoadBalancerSetting_Distribute) {
	for i, rule := range rules {
		where := at.Index(i)
		if rule.GetFrom() == "" {
			where.Child("from").Warnf(mesh.CodeInvalidValue, "No locality is set. The entry applies to all clients. Write * for all clients, or a locality such as region/zone.")
		}
		if !hasWeight(rule.GetTo()) {
			where.Child("to").Errorf(mesh.CodeInvalidValue, "No locality has a weight. The entry has no effect. Give a locality a weight.")
			continue
		}
		total := uint64(0)
		for _, weight := range rule.GetTo() {
			total += uint64(weight)
		}
		if total != 100 {
			where.Child("to").Warnf(mesh.CodeInvalidValue, "The weights sum to %d. They are used as shares of that sum. Make them sum to 100.", total)
		}
	}
}

func checkFailover[F regionPair](at report.Field, list []F) {
	seen := map[string]bool{}
	for i, f := range list {
		from, to, where := f.GetFrom(), f.GetTo(), at.Index(i)
		switch {
		case from == "" || to == "" || strings.ContainsAny(from+to, "/*"):
			where.Warnf(mesh.CodeInvalidValue, "%q and %q are not two different regions. The entry has no effect. Write two regions, without zones.", from, to)
		case from == to:
			where.Warnf(mesh.CodeInvalidValue, "The region %q cannot fail over to itself. The entry has no effect. Set another region.", to)
		case seen[from]:
			where.Warnf(mesh.CodeInvalidValue, "An earlier entry is for the region %q and takes precedence. This entry has no effect. Keep one of the two.", from)
		}
		seen[from] = true
	}
}

func checkFailoverPriority(at report.Field, labels []string) {
	for i, label := range labels {
		if key, _, _ := strings.Cut(label, "="); key == "" {
			at.Index(i).Warnf(mesh.CodeInvalidValue, "%q does not name a label. It does not change the priority of any endpoint. Write a key, or key=value.", label)
		}
	}
}

func checkZoneAware(at report.Field, z *networking.ZoneAwareLoadBalancerSetting) {
	at.Approximatef("Clients do not measure where calls come from. The weights assume that clients are spread evenly over the zones. Keep the setting if that is good enough.")
	checkFailover(at.Child("failover"), z.GetFailover())
	checkFailoverPriority(at.Child("failoverPriority"), z.GetFailoverPriority())
	for i, label := range z.GetFailoverPriority() {
		key, _, _ := strings.Cut(label, "=")
		if slices.Contains([]string{mesh.LabelRegion, mesh.LabelZone, mesh.LabelSubZone}, key) {
			at.Child("failoverPriority").Index(i).Warnf(mesh.CodeInvalidValue, "%s is always compared and does not belong in this list. Remove it.", key)
		}
	}
}
