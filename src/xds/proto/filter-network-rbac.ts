/**
 * `envoy.extensions.filters.network.rbac.v3`.
 *
 * @module
 */
import { enumeration } from "../types/enumeration.ts";
import { of } from "../types/field.ts";
import { type Infer, message } from "../types/message.ts";
import { string } from "../types/scalars.ts";
import { Rbac } from "./rbac.ts";

export const NetworkRbacEnforcementType = enumeration("envoy.extensions.filters.network.rbac.v3.RBAC.EnforcementType", {
  ONE_TIME_ON_FIRST_BYTE: 0,
  CONTINUOUS: 1,
});
export type NetworkRbacEnforcementType = Infer<typeof NetworkRbacEnforcementType>;

export const NetworkRbac = message("envoy.extensions.filters.network.rbac.v3.RBAC", {
  rules: of(1, Rbac),
  shadowRules: of(2, Rbac),
  statPrefix: string(3),
  enforcementType: of(4, NetworkRbacEnforcementType),
  shadowRulesStatPrefix: string(5),
});
export type NetworkRbac = Infer<typeof NetworkRbac>;
