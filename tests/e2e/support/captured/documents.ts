/**
 * A caller and two versions of who it calls, each captured in a network namespace of its own.
 *
 * @module
 */
export const SHOP = "10.1.0.10";
export const REVIEWS = { "reviews-v1": "10.1.0.20", "reviews-v2": "10.1.0.21" } as const;
/** Of the service `reviews`: no machine has it. */
export const SERVICE = "10.96.0.10";
/** Of a host that no document knows. */
export const FAR = "10.9.0.1";

export type OutboundMode = "ALLOW_ANY" | "REGISTRY_ONLY";

/** Where the server speaks first. */
export const GREETING_PORT = 7000;
export const HTTP_PORTS = [9080];
/** The last two stand in no document but for what mutual TLS the first of them asks. */
export const TCP_PORTS = [3306, 4444, 4445];

export const documents = (mode: OutboundMode): string => `
apiVersion: tulle.dev/v1
kind: Mesh
metadata: {name: mesh}
spec: {outboundTrafficPolicy: {mode: ${mode}}}
---
apiVersion: tulle.dev/v1
kind: Workload
metadata: {name: shop, labels: {app: shop}}
spec: {interceptionMode: REDIRECT, address: ${SHOP}, serviceAccount: shop}
---
apiVersion: tulle.dev/v1
kind: Workload
metadata: {name: reviews-v1, labels: {app: reviews, version: v1}}
spec: {interceptionMode: REDIRECT, address: ${REVIEWS["reviews-v1"]}, ports: [9080, 3306, 7000], serviceAccount: reviews}
---
apiVersion: tulle.dev/v1
kind: Workload
metadata: {name: reviews-v2, labels: {app: reviews, version: v2}}
spec: {interceptionMode: REDIRECT, address: ${REVIEWS["reviews-v2"]}, ports: [9080, 3306, 7000], serviceAccount: reviews}
---
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec:
  clusterIP: ${SERVICE}
  selector: {app: reviews}
  ports: [{name: http, port: 80, targetPort: 9080}, {name: tcp, port: 3306}, {name: greeting, port: 7000}]
---
apiVersion: v1
kind: Service
metadata: {name: each}
spec:
  clusterIP: None
  selector: {app: reviews}
  ports: [{name: http, port: 9080}, {name: tcp, port: 3306}]
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: reviews}
spec:
  selector: {matchLabels: {app: reviews}}
  mtls: {mode: STRICT}
  portLevelMtls: {4444: {mode: PERMISSIVE}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: reviews}
spec:
  selector: {matchLabels: {app: reviews}}
  rules:
  - from: [{source: {principals: [cluster.local/ns/default/sa/shop]}}]
    to: [{operation: {ports: ["9080", "3306", "7000"]}}]
  - to: [{operation: {ports: ["4444"]}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - match: [{headers: {version: {exact: v2}}}]
    route: [{destination: {host: reviews, port: {number: 80}, subset: v2}}]
  - match: [{uri: {exact: /ruled}}]
    directResponse: {status: 418}
  - route:
    - {destination: {host: reviews, port: {number: 80}, subset: v1}, weight: 50}
    - {destination: {host: reviews, port: {number: 80}, subset: v2}, weight: 50}
  tcp:
  - match: [{port: 3306}]
    route: [{destination: {host: reviews, port: {number: 3306}, subset: v2}}]
`;
