/**
 * Conformance tests that are not run, or fail, each with the reason. A test that passes must not stand here.
 *
 * @module
 */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  TLSRouteListenerMixedTerminationNotSupported:
    "it wants a gateway that cannot end TLS and pass it through at one port; TLSRouteMixedTerminationSameNamespace is the test of those that can",
};
