package translatetest

import (
	"reflect"

	networking "istio.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// compile makes a VirtualService look as if it was compiled from a Route: it has http rules alone, some of them without a backend,
// and the last one refuses what no other takes.
func (d *Dice) compile(vs *mesh.VirtualService) {
	kind := Pick(d, "GRPCRoute", "HTTPRoute")
	ref := mesh.Ref{Kind: kind, Namespace: vs.Ref.Namespace, Name: vs.Ref.Name}
	route := &mesh.Route{Ref: ref, Spec: &gatewayv1.GRPCRouteSpec{}}
	if kind == "HTTPRoute" {
		route.Spec = &gatewayv1.HTTPRouteSpec{}
	}
	d.fillStruct(reflect.ValueOf(route.Spec).Elem(), 0)
	vs.Ref, vs.Routes, vs.Delegates = ref, []*mesh.Route{route}, nil
	vs.Spec = &networking.VirtualService{Hosts: []string{"echo"}, Http: vs.Spec.GetHttp()}
	for _, rule := range vs.Spec.GetHttp() {
		rule.Delegate, rule.Fault, rule.DirectResponse = nil, nil, nil
		switch d.Roll(6) {
		case 0:
			rule.Route, rule.Redirect = nil, nil
		case 1:
			if len(rule.GetRoute()) > 0 {
				rule.Route[0].Destination = &networking.Destination{}
			}
		}
	}
	vs.Spec.Http = append(vs.Spec.Http, &networking.HTTPRoute{DirectResponse: &networking.HTTPDirectResponse{Status: 404}})
	for range vs.Spec.GetHttp() {
		vs.Authors = append(vs.Authors, &mesh.Author{Ref: ref, Part: d.Roll(4) == 1, Fields: map[string]string{"": "spec.rules[0]", ".match": "spec.rules[0].matches[0]", ".route[0]": "spec.rules[0].backendRefs[0]"}})
	}
}

// fillStruct sets random fields of a structure.
func (d *Dice) fillStruct(v reflect.Value, depth int) {
	for i := range v.NumField() {
		if depth < maxDepth && (v.Type().Field(i).Anonymous || d.Roll(3) == 1) {
			d.fillValue(v.Field(i), depth)
		}
	}
}

func (d *Dice) fillValue(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Struct:
		d.fillStruct(v, depth+1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.fillValue(v.Elem(), depth)
	case reflect.Slice:
		for range 1 + d.Roll(3) {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			d.fillValue(v.Index(v.Len()-1), depth)
		}
	case reflect.String:
		v.SetString(Pick(d, Words...))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32:
		v.SetInt(Pick(d, numbers...))
	case reflect.Uint16:
		v.SetUint(uint64(d.Roll(100)))
	default: // The Gateway API has no other kinds in Routes.
	}
}
