/**
 * `envoy.extensions.filters.http.rbac.v3`.
 *
 * @module
 */
import { of } from "../types/field.ts";
import { type Infer, message } from "../types/message.ts";
import { bool, string } from "../types/scalars.ts";
import { Rbac } from "./rbac.ts";

export const HttpRbac = message("envoy.extensions.filters.http.rbac.v3.RBAC", {
  rules: of(1, Rbac),
  shadowRules: of(2, Rbac),
  shadowRulesStatPrefix: string(3),
  rulesStatPrefix: string(6),
  trackPerRuleStats: bool(7),
});
export type HttpRbac = Infer<typeof HttpRbac>;

export const HttpRbacPerRoute = message("envoy.extensions.filters.http.rbac.v3.RBACPerRoute", {
  rbac: of(2, HttpRbac),
});
export type HttpRbacPerRoute = Infer<typeof HttpRbacPerRoute>;
