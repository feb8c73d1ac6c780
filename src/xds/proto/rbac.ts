/**
 * `envoy.config.rbac.v3`: who may do what.
 *
 * @module
 */
import { enumeration } from "../types/enumeration.ts";
import { lazy, of, oneof } from "../types/field.ts";
import { repeated } from "../types/list-field.ts";
import { map } from "../types/map-field.ts";
import { type Infer, message, type MessageType } from "../types/message.ts";
import { bool, uint32 } from "../types/scalars.ts";
import { CidrRange } from "./core-address.ts";
import { TypedExtensionConfig } from "./core-base.ts";
import { FilterStateMatcher, MetadataMatcher, PathMatcher, StringMatcher } from "./matcher.ts";
import { HeaderMatcher } from "./route-match.ts";
import { Int32Range } from "./type.ts";

export const RbacAction = enumeration("envoy.config.rbac.v3.RBAC.Action", { ALLOW: 0, DENY: 1, LOG: 2 });
export type RbacAction = Infer<typeof RbacAction>;

export interface PermissionSet {
  readonly rules?: readonly Permission[] | undefined;
}
export const PermissionSet: MessageType<PermissionSet> = message("envoy.config.rbac.v3.Permission.Set", {
  rules: repeated(lazy(1, () => Permission)),
});

export interface Permission {
  readonly andRules?: PermissionSet | undefined;
  readonly orRules?: PermissionSet | undefined;
  readonly any?: boolean | undefined;
  readonly header?: HeaderMatcher | undefined;
  readonly destinationIp?: CidrRange | undefined;
  readonly destinationPort?: number | undefined;
  readonly metadata?: MetadataMatcher | undefined;
  readonly notRule?: Permission | undefined;
  readonly requestedServerName?: StringMatcher | undefined;
  readonly urlPath?: PathMatcher | undefined;
  readonly destinationPortRange?: Int32Range | undefined;
  readonly matcher?: TypedExtensionConfig | undefined;
  readonly uriTemplate?: TypedExtensionConfig | undefined;
}
export const Permission: MessageType<Permission> = message("envoy.config.rbac.v3.Permission", {
  ...oneof("rule", {
    andRules: lazy(1, () => PermissionSet),
    orRules: lazy(2, () => PermissionSet),
    any: bool(3),
    header: of(4, HeaderMatcher),
    destinationIp: of(5, CidrRange),
    destinationPort: uint32(6),
    metadata: of(7, MetadataMatcher),
    notRule: lazy(8, () => Permission),
    requestedServerName: of(9, StringMatcher),
    urlPath: of(10, PathMatcher),
    destinationPortRange: of(11, Int32Range),
    matcher: of(12, TypedExtensionConfig),
    uriTemplate: of(13, TypedExtensionConfig),
  }),
});

export interface PrincipalSet {
  readonly ids?: readonly Principal[] | undefined;
}
export const PrincipalSet: MessageType<PrincipalSet> = message("envoy.config.rbac.v3.Principal.Set", {
  ids: repeated(lazy(1, () => Principal)),
});

export const Authenticated = message("envoy.config.rbac.v3.Principal.Authenticated", {
  principalName: of(2, StringMatcher),
});
export type Authenticated = Infer<typeof Authenticated>;

export interface Principal {
  readonly andIds?: PrincipalSet | undefined;
  readonly orIds?: PrincipalSet | undefined;
  readonly any?: boolean | undefined;
  readonly authenticated?: Authenticated | undefined;
  readonly sourceIp?: CidrRange | undefined;
  readonly header?: HeaderMatcher | undefined;
  readonly metadata?: MetadataMatcher | undefined;
  readonly notId?: Principal | undefined;
  readonly urlPath?: PathMatcher | undefined;
  readonly directRemoteIp?: CidrRange | undefined;
  readonly remoteIp?: CidrRange | undefined;
  readonly filterState?: FilterStateMatcher | undefined;
}
export const Principal: MessageType<Principal> = message("envoy.config.rbac.v3.Principal", {
  ...oneof("identifier", {
    andIds: lazy(1, () => PrincipalSet),
    orIds: lazy(2, () => PrincipalSet),
    any: bool(3),
    authenticated: of(4, Authenticated),
    sourceIp: of(5, CidrRange),
    header: of(6, HeaderMatcher),
    metadata: of(7, MetadataMatcher),
    notId: lazy(8, () => Principal),
    urlPath: of(9, PathMatcher),
    directRemoteIp: of(10, CidrRange),
    remoteIp: of(11, CidrRange),
    filterState: of(12, FilterStateMatcher),
  }),
});

export const Policy = message("envoy.config.rbac.v3.Policy", {
  permissions: repeated(of(1, Permission)),
  principals: repeated(of(2, Principal)),
});
export type Policy = Infer<typeof Policy>;

export const AuditCondition = enumeration("envoy.config.rbac.v3.RBAC.AuditLoggingOptions.AuditCondition", {
  NONE: 0,
  ON_DENY: 1,
  ON_ALLOW: 2,
  ON_DENY_AND_ALLOW: 3,
});
export type AuditCondition = Infer<typeof AuditCondition>;

export const AuditLoggerConfig = message("envoy.config.rbac.v3.RBAC.AuditLoggingOptions.AuditLoggerConfig", {
  auditLogger: of(1, TypedExtensionConfig),
  isOptional: bool(2),
});
export type AuditLoggerConfig = Infer<typeof AuditLoggerConfig>;

export const AuditLoggingOptions = message("envoy.config.rbac.v3.RBAC.AuditLoggingOptions", {
  auditCondition: of(1, AuditCondition),
  loggerConfigs: repeated(of(2, AuditLoggerConfig)),
});
export type AuditLoggingOptions = Infer<typeof AuditLoggingOptions>;

export const Rbac = message("envoy.config.rbac.v3.RBAC", {
  action: of(1, RbacAction),
  policies: map(of(2, Policy)),
  auditLoggingOptions: of(3, AuditLoggingOptions),
});
export type Rbac = Infer<typeof Rbac>;
