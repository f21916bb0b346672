package fields

// requestAuthenticationFields is the support table of RequestAuthentication, in the order of its API.
var requestAuthenticationFields = []Row{
	{Field: "RequestAuthentication.selector", Verdict: Translated, Leaf: "securitypolicies", Golden: "testdata/requestauthentication/tokens", Note: "The pods that the Problem is about."},
	{Field: "RequestAuthentication.targetRef", Verdict: Caveat, Leaf: "securitypolicies", Golden: "testdata/requestauthentication/tokens", Note: noteTarget},
	{Field: "RequestAuthentication.targetRefs", Verdict: Caveat, Leaf: "securitypolicies", Golden: "testdata/requestauthentication/tokens", Note: noteTarget},
	{Field: "RequestAuthentication.jwtRules", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "WorkloadSelector.matchLabels", Verdict: Translated, Leaf: "securitypolicies", Golden: "testdata/requestauthentication/tokens"},
	{Field: "PolicyTargetReference.group", Verdict: Caveat, Leaf: "securitypolicies", Golden: "testdata/requestauthentication/tokens", Note: "As in AuthorizationPolicy."},
	{Field: "PolicyTargetReference.kind", Verdict: Caveat, Leaf: "securitypolicies", Golden: "testdata/requestauthentication/tokens", Note: "As in AuthorizationPolicy."},
	{Field: "PolicyTargetReference.name", Verdict: Caveat, Leaf: "securitypolicies", Golden: "testdata/requestauthentication/tokens", Note: "As in AuthorizationPolicy."},
	{Field: "PolicyTargetReference.namespace", Verdict: Caveat, Leaf: "securitypolicies", Golden: "testdata/requestauthentication/tokens", Note: "As in AuthorizationPolicy."},

	{Field: "JWTRule.issuer", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTRule.audiences", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTRule.jwksUri", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTRule.jwks", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTRule.fromHeaders", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTRule.fromParams", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTRule.outputPayloadToHeader", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTRule.fromCookies", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTRule.forwardOriginalToken", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTRule.outputClaimToHeaders", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTRule.timeout", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTRule.spaceDelimitedClaims", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTHeader.name", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "JWTHeader.prefix", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "ClaimToHeader.header", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
	{Field: "ClaimToHeader.claim", Verdict: Unenforced, Golden: "testdata/requestauthentication/tokens", Note: noteClaims},
}
