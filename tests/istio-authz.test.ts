/** Istio's authorization policies give the filters that Istio makes of them. */
import { istioAuthzSuite } from "./suites/istio-authz.ts";

istioAuthzSuite();
