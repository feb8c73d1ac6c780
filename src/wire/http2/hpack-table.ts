/**
 * The static table of HPACK, RFC 7541 Appendix A.
 *
 * @module
 */

/** Appendix A; a name without a value has the empty one. */
const STATIC_FIELDS = `:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`.split("\n");

/** Index 1 is the first: slot 0 is unused. */
export const STATIC_NAMES: readonly string[] = ["", ...STATIC_FIELDS.map((field) => field.split(" ", 1)[0]!)];
export const STATIC_VALUES: readonly string[] = [
  "",
  ...STATIC_FIELDS.map((field, i) => field.slice(STATIC_NAMES[i + 1]!.length + 1)),
];
export const STATIC_COUNT = STATIC_FIELDS.length;

/** Each field costs this beside its name and value, RFC 7541 §4.1. */
export const FIELD_OVERHEAD_BYTES = 32;
