/**
 * Conformance tests that are not run, or fail, each with the reason. A test that passes must not stand here.
 *
 * @module
 */
const UDP = "the proxy forwards no UDP";

export const LEFT_OUT: Readonly<Record<string, string>> = {
  UDPRouteMultipleRoutesAttachment: UDP,
  UDPRouteParentRefAttachAllListeners: UDP,
  UDPRouteParentRefPortAndSectionName: UDP,
  UDPRouteReferenceGrant: UDP,
  UDPRouteWeightedRouting: UDP,
};
