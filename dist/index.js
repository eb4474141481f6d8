// Made by `npm run build`: see CONTRIBUTING.md.
const lazy=e=>new Proxy({},{get:(t,n)=>e()[n]});(()=>{var e={770:(e,t,n)=>{e.exports=n(218)},218:(e,t,n)=>{"use strict"
n(278)
var r=n(756)
var s=n(611)
var o=n(692)
var i=n(434)
n(613)
var a=n(23)
t.httpOverHttp=function httpOverHttp(e){var t=new TunnelingAgent(e)
t.request=s.request
return t}
t.httpsOverHttp=function httpsOverHttp(e){var t=new TunnelingAgent(e)
t.request=s.request
t.createSocket=createSecureSocket
t.defaultPort=443
return t}
t.httpOverHttps=function httpOverHttps(e){var t=new TunnelingAgent(e)
t.request=o.request
return t}
t.httpsOverHttps=function httpsOverHttps(e){var t=new TunnelingAgent(e)
t.request=o.request
t.createSocket=createSecureSocket
t.defaultPort=443
return t}
function TunnelingAgent(e){var t=this
t.options=e||{}
t.proxyOptions=t.options.proxy||{}
t.maxSockets=t.options.maxSockets||s.Agent.defaultMaxSockets
t.requests=[]
t.sockets=[]
t.on("free",function onFree(e,n,r,s){var o=toOptions(n,r,s)
for(var i=0,a=t.requests.length;i<a;++i){var c=t.requests[i]
if(c.host===o.host&&c.port===o.port){t.requests.splice(i,1)
c.request.onSocket(e)
return}}e.destroy()
t.removeSocket(e)})}a.inherits(TunnelingAgent,i.EventEmitter)
TunnelingAgent.prototype.addRequest=function addRequest(e,t,n,r){var s=this
var o=mergeOptions({request:e},s.options,toOptions(t,n,r))
if(s.sockets.length>=this.maxSockets){s.requests.push(o)
return}s.createSocket(o,function(t){t.on("free",onFree)
t.on("close",onCloseOrRemove)
t.on("agentRemove",onCloseOrRemove)
e.onSocket(t)
function onFree(){s.emit("free",t,o)}function onCloseOrRemove(e){s.removeSocket(t)
t.removeListener("free",onFree)
t.removeListener("close",onCloseOrRemove)
t.removeListener("agentRemove",onCloseOrRemove)}})}
TunnelingAgent.prototype.createSocket=function createSocket(e,t){var n=this
var r={}
n.sockets.push(r)
var s=mergeOptions({},n.proxyOptions,{method:"CONNECT",path:e.host+":"+e.port,agent:false,headers:{host:e.host+":"+e.port}})
if(e.localAddress)s.localAddress=e.localAddress
if(s.proxyAuth){s.headers=s.headers||{}
s.headers["Proxy-Authorization"]="Basic "+Buffer.from(s.proxyAuth).toString("base64")}c("making CONNECT request")
var o=n.request(s)
o.useChunkedEncodingByDefault=false
o.once("response",function onResponse(e){e.upgrade=true})
o.once("upgrade",function onUpgrade(e,t,n){process.nextTick(function(){onConnect(e,t,n)})})
o.once("connect",onConnect)
o.once("error",function onError(t){o.removeAllListeners()
c("tunneling socket could not be established, cause=%s\n",t.message,t.stack)
var s=new Error("tunneling socket could not be established, cause="+t.message)
s.code="ECONNRESET"
e.request.emit("error",s)
n.removeSocket(r)})
o.end()
function onConnect(s,i,a){o.removeAllListeners()
i.removeAllListeners()
if(200!==s.statusCode){c("tunneling socket could not be established, statusCode=%d",s.statusCode)
i.destroy();(u=new Error("tunneling socket could not be established, statusCode="+s.statusCode)).code="ECONNRESET"
e.request.emit("error",u)
n.removeSocket(r)
return}if(a.length>0){c("got illegal response body from proxy")
i.destroy()
var u;(u=new Error("got illegal response body from proxy")).code="ECONNRESET"
e.request.emit("error",u)
n.removeSocket(r)
return}c("tunneling connection has established")
n.sockets[n.sockets.indexOf(r)]=i
return t(i)}}
TunnelingAgent.prototype.removeSocket=function removeSocket(e){var t=this.sockets.indexOf(e)
if(-1===t)return
this.sockets.splice(t,1)
var n=this.requests.shift()
if(n)this.createSocket(n,function(e){n.request.onSocket(e)})}
function createSecureSocket(e,t){var n=this
TunnelingAgent.prototype.createSocket.call(n,e,function(s){var o=e.request.getHeader("host")
var i=mergeOptions({},n.options,{socket:s,servername:o?o.replace(/:.*$/,""):e.host})
var a=r.connect(0,i)
n.sockets[n.sockets.indexOf(s)]=a
t(a)})}function toOptions(e,t,n){if("string"===typeof e)return{host:e,port:t,localAddress:n}
return e}function mergeOptions(e){for(var t=1,n=arguments.length;t<n;++t){var r=arguments[t]
if("object"===typeof r){var s=Object.keys(r)
for(var o=0,i=s.length;o<i;++o){var a=s[o]
if(void 0!==r[a])e[a]=r[a]}}}return e}var c
if(process.env.NODE_DEBUG&&/\btunnel\b/.test(process.env.NODE_DEBUG))c=function(){var e=Array.prototype.slice.call(arguments)
if("string"===typeof e[0])e[0]="TUNNEL: "+e[0]
else e.unshift("TUNNEL:")
console.error.apply(console,e)}
else c=function(){}},613:e=>{"use strict"
e.exports=require("assert")},434:e=>{"use strict"
e.exports=require("events")},611:e=>{"use strict"
e.exports=require("http")},692:e=>{"use strict"
e.exports=lazy(()=>require("https"))},278:e=>{"use strict"
e.exports=require("net")},756:e=>{"use strict"
e.exports=require("tls")},23:e=>{"use strict"
e.exports=require("util")}}
var t={}
function __nccwpck_require__(n){var r=t[n]
if(void 0!==r)return r.exports
var s=t[n]={exports:{}}
var o=true
try{e[n](s,s.exports,__nccwpck_require__)
o=false}finally{if(o)delete t[n]}return s.exports}if(true)__nccwpck_require__.ab=__dirname+"/"
n=Object.getPrototypeOf?e=>Object.getPrototypeOf(e):e=>e.__proto__,__nccwpck_require__.t=function(e,t){if(1&t)e=this(e)
if(8&t)return e
if("object"===typeof e&&e){if(4&t&&e.__esModule)return e
if(16&t&&"function"===typeof e.then)return e}var s=Object.create(null)
__nccwpck_require__.r(s)
var o={}
r=r||[null,n({}),n([]),n(n)]
for(var i=2&t&&e;"object"==typeof i&&!~r.indexOf(i);i=n(i))Object.getOwnPropertyNames(i).forEach(t=>o[t]=()=>e[t])
o.default=()=>e
__nccwpck_require__.d(s,o)
return s}
var n,r
__nccwpck_require__.d=(e,t)=>{for(var n in t)if(__nccwpck_require__.o(t,n)&&!__nccwpck_require__.o(e,n))Object.defineProperty(e,n,{enumerable:true,get:t[n]})}
__nccwpck_require__.o=(e,t)=>Object.prototype.hasOwnProperty.call(e,t)
__nccwpck_require__.r=e=>{if("undefined"!==typeof Symbol&&Symbol.toStringTag)Object.defineProperty(e,Symbol.toStringTag,{value:"Module"})
Object.defineProperty(e,"__esModule",{value:true})};(()=>{"use strict"
const e=require("node:util")
const t=new Set([429,500,502,503,504])
class RequestError extends Error{kind
status
code
requestId
transient
retryAfterMs
constructor(e,t){super(e,{cause:t.cause})
this.kind=t.kind
this.status=t.status??null
this.code=t.code??""
this.requestId=t.requestId??""
this.transient=t.transient??false
this.retryAfterMs=t.retryAfterMs}}class ApiError extends RequestError{name="ApiError"}class NetworkError extends RequestError{name="NetworkError"}class SkippedError extends RequestError{name="SkippedError"
constructor(e,t){super(`Not sent, because ${e}: ${t.message}`,{kind:t.kind,code:t.code,cause:t})}get refusedCredential(){return 401===this.cause.status}}const n={kind:"reset",transient:true,sentence:"reset the connection"}
const r={kind:"unreachable",sentence:"cannot be reached"}
const s={kind:"host-not-found",sentence:"was not found"}
const o={kind:"certificate",sentence:"shows a certificate of an unknown authority"}
const i=new Map([["ENOTFOUND",s],["EAI_AGAIN",{...s,sentence:"was not found: name resolution failed"}],["ECONNREFUSED",{kind:"refused",sentence:"refused the connection"}],["ECONNRESET",n],["EPIPE",n],["ETIMEDOUT",{kind:"timeout",transient:true,sentence:"did not answer in time"}],["EHOSTUNREACH",r],["ENETUNREACH",r],["EADDRNOTAVAIL",r],["CERT_HAS_EXPIRED",{kind:"certificate",sentence:"shows an expired certificate"}],["CERT_NOT_YET_VALID",{kind:"certificate",sentence:"shows a certificate of the future"}],["ERR_TLS_CERT_ALTNAME_INVALID",{kind:"certificate",sentence:"shows the certificate of another name"}],["DEPTH_ZERO_SELF_SIGNED_CERT",{kind:"certificate",sentence:"shows a self-signed certificate"}],["SELF_SIGNED_CERT_IN_CHAIN",o],["UNABLE_TO_VERIFY_LEAF_SIGNATURE",o],["UNABLE_TO_GET_ISSUER_CERT",o],["UNABLE_TO_GET_ISSUER_CERT_LOCALLY",o]])
const a=[[/^HPE_/,{kind:"not-http",sentence:"did not answer in HTTP"}],[/^(EPROTO|ERR_SSL_|ERR_TLS_)/,{kind:"tls",sentence:"could not agree on TLS"}],[/^(CERT_|CRL_|UNABLE_TO_|INVALID_|HOSTNAME_MISMATCH)/,{kind:"certificate",sentence:"shows a certificate that cannot be verified"}]]
function causeOf(e){return i.get(e)??a.find(([t])=>t.test(e))?.[1]}function errorMessage(t){if(t instanceof Error)return t.message||t.name
return"string"===typeof t?t:(0,e.inspect)(t)}const c=/^tunneling socket could not be established, (?:statusCode=(\d+)|cause=(.*))$/s
function isTransientCause(e=""){if("socket hang up"===e)return true
const[,t=""]=/\b(E[A-Z]+)\b/.exec(e)??[]
return true===causeOf(t)?.transient}const u=[{code:"error_code",message:"error_msg",refusalsOnly:false},{code:"errorCode",message:"errorMsg",refusalsOnly:false},{code:"code",message:"message",refusalsOnly:true}]
function levelsOf(e){return[e,...Object.values(e).filter(isRecord)]}function isRecord(e){return"object"===typeof e&&null!==e}function isGiven(e){return void 0!==e&&null!==e&&""!==e}function textOf(e){return"string"===typeof e||"number"===typeof e?String(e):""}const d=/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/
const l=/^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/
const h=/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/
function parseRetryAfter(e,t){const n=e?.trim()??""
if(/^\d+$/.test(n))return 1e3*Number(n)
const r=function parseHttpDate(e){if(d.test(e)||l.test(e))return Date.parse(e)
return h.test(e)?Date.parse(`${e} GMT`):Number.NaN}(n)
return Number.isNaN(r)?void 0:Math.max(0,r-t.getTime())}const f=require("node:http")
const p=lazy(()=>require("node:https"))
const m=require("node:net")
const g=require("node:url")
var w=__nccwpck_require__(611)
var y=w
var k=__nccwpck_require__(692)
var v=k
function getProxyUrl(e){const t="https:"===e.protocol
if(checkBypass(e))return
const n=(()=>{if(t)return process.env.https_proxy||process.env.HTTPS_PROXY
else return process.env.http_proxy||process.env.HTTP_PROXY})()
if(n)try{return new DecodedURL(n)}catch(e){if(!n.startsWith("http://")&&!n.startsWith("https://"))return new DecodedURL(`http://${n}`)}else return}function checkBypass(e){if(!e.hostname)return false
if(function isLoopbackAddress(e){const t=e.toLowerCase()
return"localhost"===t||t.startsWith("127.")||t.startsWith("[::1]")||t.startsWith("[0:0:0:0:0:0:0:1]")}(e.hostname))return true
const t=process.env.no_proxy||process.env.NO_PROXY||""
if(!t)return false
let n
if(e.port)n=Number(e.port)
else if("http:"===e.protocol)n=80
else if("https:"===e.protocol)n=443
const r=[e.hostname.toUpperCase()]
if("number"===typeof n)r.push(`${r[0]}:${n}`)
for(const e of t.split(",").map(e=>e.trim().toUpperCase()).filter(e=>e))if("*"===e||r.some(t=>t===e||t.endsWith(`.${e}`)||e.startsWith(".")&&t.endsWith(`${e}`)))return true
return false}class DecodedURL extends URL{constructor(e,t){super(e,t)
this._decodedUsername=decodeURIComponent(super.username)
this._decodedPassword=decodeURIComponent(super.password)}get username(){return this._decodedUsername}get password(){return this._decodedPassword}}var _=lazy(()=>__nccwpck_require__(770))
class ProxyAgent{constructor(){throw new Error("undici is not bundled: see stubs/undici")}}var __awaiter=function(e,t,n,r){return new(n||(n=Promise))(function(s,o){function fulfilled(e){try{step(r.next(e))}catch(e){o(e)}}function rejected(e){try{step(r.throw(e))}catch(e){o(e)}}function step(e){e.done?s(e.value):function adopt(e){return e instanceof n?e:new n(function(t){t(e)})}(e.value).then(fulfilled,rejected)}step((r=r.apply(e,t||[])).next())})}
var E
!function(e){e[e.OK=200]="OK"
e[e.MultipleChoices=300]="MultipleChoices"
e[e.MovedPermanently=301]="MovedPermanently"
e[e.ResourceMoved=302]="ResourceMoved"
e[e.SeeOther=303]="SeeOther"
e[e.NotModified=304]="NotModified"
e[e.UseProxy=305]="UseProxy"
e[e.SwitchProxy=306]="SwitchProxy"
e[e.TemporaryRedirect=307]="TemporaryRedirect"
e[e.PermanentRedirect=308]="PermanentRedirect"
e[e.BadRequest=400]="BadRequest"
e[e.Unauthorized=401]="Unauthorized"
e[e.PaymentRequired=402]="PaymentRequired"
e[e.Forbidden=403]="Forbidden"
e[e.NotFound=404]="NotFound"
e[e.MethodNotAllowed=405]="MethodNotAllowed"
e[e.NotAcceptable=406]="NotAcceptable"
e[e.ProxyAuthenticationRequired=407]="ProxyAuthenticationRequired"
e[e.RequestTimeout=408]="RequestTimeout"
e[e.Conflict=409]="Conflict"
e[e.Gone=410]="Gone"
e[e.TooManyRequests=429]="TooManyRequests"
e[e.InternalServerError=500]="InternalServerError"
e[e.NotImplemented=501]="NotImplemented"
e[e.BadGateway=502]="BadGateway"
e[e.ServiceUnavailable=503]="ServiceUnavailable"
e[e.GatewayTimeout=504]="GatewayTimeout"}(E||(E={}))
var b
!function(e){e.Accept="accept"
e.ContentType="content-type"}(b||(b={}))
var O
!function(e){e.ApplicationJson="application/json"}(O||(O={}))
function lib_getProxyUrl(e){const t=getProxyUrl(new URL(e))
return t?t.href:""}const A=[E.MovedPermanently,E.ResourceMoved,E.SeeOther,E.TemporaryRedirect,E.PermanentRedirect]
const T=[E.BadGateway,E.ServiceUnavailable,E.GatewayTimeout]
const C=["OPTIONS","GET","DELETE","HEAD"]
class HttpClientError extends Error{constructor(e,t){super(e)
this.name="HttpClientError"
this.statusCode=t
Object.setPrototypeOf(this,HttpClientError.prototype)}}class HttpClientResponse{constructor(e){this.message=e}readBody(){return __awaiter(this,void 0,void 0,function*(){return new Promise(e=>__awaiter(this,void 0,void 0,function*(){let t=Buffer.alloc(0)
this.message.on("data",e=>{t=Buffer.concat([t,e])})
this.message.on("end",()=>{e(t.toString())})}))})}readBodyBuffer(){return __awaiter(this,void 0,void 0,function*(){return new Promise(e=>__awaiter(this,void 0,void 0,function*(){const t=[]
this.message.on("data",e=>{t.push(e)})
this.message.on("end",()=>{e(Buffer.concat(t))})}))})}}class HttpClient{constructor(e,t,n){this._ignoreSslError=false
this._allowRedirects=true
this._allowRedirectDowngrade=false
this._maxRedirects=50
this._allowRetries=false
this._maxRetries=1
this._keepAlive=false
this._disposed=false
this.userAgent=this._getUserAgentWithOrchestrationId(e)
this.handlers=t||[]
this.requestOptions=n
if(n){if(null!=n.ignoreSslError)this._ignoreSslError=n.ignoreSslError
this._socketTimeout=n.socketTimeout
if(null!=n.allowRedirects)this._allowRedirects=n.allowRedirects
if(null!=n.allowRedirectDowngrade)this._allowRedirectDowngrade=n.allowRedirectDowngrade
if(null!=n.maxRedirects)this._maxRedirects=Math.max(n.maxRedirects,0)
if(null!=n.keepAlive)this._keepAlive=n.keepAlive
if(null!=n.allowRetries)this._allowRetries=n.allowRetries
if(null!=n.maxRetries)this._maxRetries=n.maxRetries}}options(e,t){return __awaiter(this,void 0,void 0,function*(){return this.request("OPTIONS",e,null,t||{})})}get(e,t){return __awaiter(this,void 0,void 0,function*(){return this.request("GET",e,null,t||{})})}del(e,t){return __awaiter(this,void 0,void 0,function*(){return this.request("DELETE",e,null,t||{})})}post(e,t,n){return __awaiter(this,void 0,void 0,function*(){return this.request("POST",e,t,n||{})})}patch(e,t,n){return __awaiter(this,void 0,void 0,function*(){return this.request("PATCH",e,t,n||{})})}put(e,t,n){return __awaiter(this,void 0,void 0,function*(){return this.request("PUT",e,t,n||{})})}head(e,t){return __awaiter(this,void 0,void 0,function*(){return this.request("HEAD",e,null,t||{})})}sendStream(e,t,n,r){return __awaiter(this,void 0,void 0,function*(){return this.request(e,t,n,r)})}getJson(e){return __awaiter(this,arguments,void 0,function*(e,t={}){t[b.Accept]=this._getExistingOrDefaultHeader(t,b.Accept,O.ApplicationJson)
const n=yield this.get(e,t)
return this._processResponse(n,this.requestOptions)})}postJson(e,t){return __awaiter(this,arguments,void 0,function*(e,t,n={}){const r=JSON.stringify(t,null,2)
n[b.Accept]=this._getExistingOrDefaultHeader(n,b.Accept,O.ApplicationJson)
n[b.ContentType]=this._getExistingOrDefaultContentTypeHeader(n,O.ApplicationJson)
const s=yield this.post(e,r,n)
return this._processResponse(s,this.requestOptions)})}putJson(e,t){return __awaiter(this,arguments,void 0,function*(e,t,n={}){const r=JSON.stringify(t,null,2)
n[b.Accept]=this._getExistingOrDefaultHeader(n,b.Accept,O.ApplicationJson)
n[b.ContentType]=this._getExistingOrDefaultContentTypeHeader(n,O.ApplicationJson)
const s=yield this.put(e,r,n)
return this._processResponse(s,this.requestOptions)})}patchJson(e,t){return __awaiter(this,arguments,void 0,function*(e,t,n={}){const r=JSON.stringify(t,null,2)
n[b.Accept]=this._getExistingOrDefaultHeader(n,b.Accept,O.ApplicationJson)
n[b.ContentType]=this._getExistingOrDefaultContentTypeHeader(n,O.ApplicationJson)
const s=yield this.patch(e,r,n)
return this._processResponse(s,this.requestOptions)})}request(e,t,n,r){return __awaiter(this,void 0,void 0,function*(){if(this._disposed)throw new Error("Client has already been disposed.")
const s=new URL(t)
let o=this._prepareRequest(e,s,r)
const i=this._allowRetries&&C.includes(e)?this._maxRetries+1:1
let a=0
let c
do{c=yield this.requestRaw(o,n)
if(c&&c.message&&c.message.statusCode===E.Unauthorized){let e
for(const t of this.handlers)if(t.canHandleAuthentication(c)){e=t
break}if(e)return e.handleAuthentication(this,o,n)
else return c}let t=this._maxRedirects
for(;c.message.statusCode&&A.includes(c.message.statusCode)&&this._allowRedirects&&t>0;){const i=c.message.headers.location
if(!i)break
const a=new URL(i)
if("https:"===s.protocol&&s.protocol!==a.protocol&&!this._allowRedirectDowngrade)throw new Error("Redirect from HTTPS to HTTP protocol. This downgrade is not allowed for security reasons. If you want to allow this behavior, set the allowRedirectDowngrade option to true.")
yield c.readBody()
if(a.hostname!==s.hostname)for(const e in r)if("authorization"===e.toLowerCase())delete r[e]
o=this._prepareRequest(e,a,r)
c=yield this.requestRaw(o,n)
t--}if(!c.message.statusCode||!T.includes(c.message.statusCode))return c
a+=1
if(a<i){yield c.readBody()
yield this._performExponentialBackoff(a)}}while(a<i)
return c})}dispose(){if(this._agent)this._agent.destroy()
this._disposed=true}requestRaw(e,t){return __awaiter(this,void 0,void 0,function*(){return new Promise((n,r)=>{this.requestRawWithCallback(e,t,function callbackForResult(e,t){if(e)r(e)
else if(!t)r(new Error("Unknown error"))
else n(t)})})})}requestRawWithCallback(e,t,n){if("string"===typeof t){if(!e.options.headers)e.options.headers={}
e.options.headers["Content-Length"]=Buffer.byteLength(t,"utf8")}let r=false
function handleResult(e,t){if(!r){r=true
n(e,t)}}const s=e.httpModule.request(e.options,e=>{handleResult(void 0,new HttpClientResponse(e))})
let o
s.on("socket",e=>{o=e})
s.setTimeout(this._socketTimeout||18e4,()=>{if(o)o.end()
handleResult(new Error(`Request timeout: ${e.options.path}`))})
s.on("error",function(e){handleResult(e)})
if(t&&"string"===typeof t)s.write(t,"utf8")
if(t&&"string"!==typeof t){t.on("close",function(){s.end()})
t.pipe(s)}else s.end()}getAgent(e){const t=new URL(e)
return this._getAgent(t)}getAgentDispatcher(e){const t=new URL(e)
const n=getProxyUrl(t)
if(!(n&&n.hostname))return
return this._getProxyAgentDispatcher(t,n)}_prepareRequest(e,t,n){const r={}
r.parsedUrl=t
const s="https:"===r.parsedUrl.protocol
r.httpModule=s?v:y
const o=s?443:80
r.options={}
r.options.host=r.parsedUrl.hostname
r.options.port=r.parsedUrl.port?parseInt(r.parsedUrl.port):o
r.options.path=(r.parsedUrl.pathname||"")+(r.parsedUrl.search||"")
r.options.method=e
r.options.headers=this._mergeHeaders(n)
if(null!=this.userAgent)r.options.headers["user-agent"]=this.userAgent
r.options.agent=this._getAgent(r.parsedUrl)
if(this.handlers)for(const e of this.handlers)e.prepareRequest(r.options)
return r}_mergeHeaders(e){if(this.requestOptions&&this.requestOptions.headers)return Object.assign({},lowercaseKeys(this.requestOptions.headers),lowercaseKeys(e||{}))
return lowercaseKeys(e||{})}_getExistingOrDefaultHeader(e,t,n){let r
if(this.requestOptions&&this.requestOptions.headers){const e=lowercaseKeys(this.requestOptions.headers)[t]
if(e)r="number"===typeof e?e.toString():e}const s=e[t]
if(void 0!==s)return"number"===typeof s?s.toString():s
if(void 0!==r)return r
return n}_getExistingOrDefaultContentTypeHeader(e,t){let n
if(this.requestOptions&&this.requestOptions.headers){const e=lowercaseKeys(this.requestOptions.headers)[b.ContentType]
if(e)if("number"===typeof e)n=String(e)
else if(Array.isArray(e))n=e.join(", ")
else n=e}const r=e[b.ContentType]
if(void 0!==r)if("number"===typeof r)return String(r)
else if(Array.isArray(r))return r.join(", ")
else return r
if(void 0!==n)return n
return t}_getAgent(e){let t
const n=getProxyUrl(e)
const r=n&&n.hostname
if(this._keepAlive&&r)t=this._proxyAgent
if(!r)t=this._agent
if(t)return t
const s="https:"===e.protocol
let o=100
if(this.requestOptions)o=this.requestOptions.maxSockets||w.globalAgent.maxSockets
if(n&&n.hostname){const e={maxSockets:o,keepAlive:this._keepAlive,proxy:Object.assign(Object.assign({},(n.username||n.password)&&{proxyAuth:`${n.username}:${n.password}`}),{host:n.hostname,port:n.port})}
let r
const i="https:"===n.protocol
if(s)r=i?_.httpsOverHttps:_.httpsOverHttp
else r=i?_.httpOverHttps:_.httpOverHttp
t=r(e)
this._proxyAgent=t}if(!t){const e={keepAlive:this._keepAlive,maxSockets:o}
t=s?new k.Agent(e):new w.Agent(e)
this._agent=t}if(s&&this._ignoreSslError)t.options=Object.assign(t.options||{},{rejectUnauthorized:false})
return t}_getProxyAgentDispatcher(e,t){let n
if(this._keepAlive)n=this._proxyAgentDispatcher
if(n)return n
const r="https:"===e.protocol
n=new ProxyAgent(Object.assign({uri:t.href,pipelining:!this._keepAlive?0:1},(t.username||t.password)&&{token:`Basic ${Buffer.from(`${t.username}:${t.password}`).toString("base64")}`}))
this._proxyAgentDispatcher=n
if(r&&this._ignoreSslError)n.options=Object.assign(n.options.requestTls||{},{rejectUnauthorized:false})
return n}_getUserAgentWithOrchestrationId(e){const t=e||"actions/http-client"
const n=process.env.ACTIONS_ORCHESTRATION_ID
if(n)return`${t} actions_orchestration_id/${n.replace(/[^a-z0-9_.-]/gi,"_")}`
return t}_performExponentialBackoff(e){return __awaiter(this,void 0,void 0,function*(){e=Math.min(10,e)
const t=5*Math.pow(2,e)
return new Promise(e=>setTimeout(()=>e(),t))})}_processResponse(e,t){return __awaiter(this,void 0,void 0,function*(){return new Promise((n,r)=>__awaiter(this,void 0,void 0,function*(){const s=e.message.statusCode||0
const o={statusCode:s,result:null,headers:{}}
if(s===E.NotFound)n(o)
let i
let a
try{a=yield e.readBody()
if(a&&a.length>0){if(t&&t.deserializeDates)i=JSON.parse(a,function dateTimeDeserializer(e,t){if("string"===typeof t){const e=new Date(t)
if(!isNaN(e.valueOf()))return e}return t})
else i=JSON.parse(a)
o.result=i}o.headers=e.message.headers}catch(e){}if(s>299){let e
if(i&&i.message)e=i.message
else if(a&&a.length>0)e=a
else e=`Failed request: (${s})`
const t=new HttpClientError(e,s)
t.result=o.result
r(t)}else n(o)}))})}}const lowercaseKeys=e=>Object.keys(e).reduce((t,n)=>(t[n.toLowerCase()]=e[n],t),{})
function abortable(e,t){return new Promise((n,r)=>{const abort=()=>r(t.reason)
if(t.aborted)abort()
t.addEventListener("abort",abort,{once:true})
e.then(n,r).finally(()=>t.removeEventListener("abort",abort))})}class Transport{#e
#t
#n=new Map
constructor(e,t){this.#e=e
this.#t=t;(0,m.setDefaultAutoSelectFamilyAttemptTimeout)(5e3)}async send(e){const t=new AbortController
const n=this.#e.signal
const end=()=>t.abort()
const r=this.#t.after(2e4,end)
n.addEventListener("abort",end)
if(n.aborted)end()
try{return await this.#r(e,t.signal)}catch(n){throw this.#s(n,e,t.signal)}finally{r()
n.removeEventListener("abort",end)}}async#r(e,t){const{url:n,method:r,headers:s,body:o}=e
const i=this.#o(n.origin)
const a={...(0,g.urlToHttpOptions)(n),method:r,headers:{"user-agent":"stop-codearts-check-task/1.0.0",...s},agent:i.getAgent(n.href)}
const c="https:"===n.protocol?p:f
const u=i.requestRaw({options:a,parsedUrl:n,httpModule:c},o)
u.then(({message:e})=>t.aborted&&e.destroy()).catch(()=>{})
const{message:d}=await abortable(u,t)
return function parseResponse(e,t){const n=e.statusCode
const r=e.headers
const s=requestIdOf(r)
const o=[]
let i=0
return new Promise((a,c)=>{e.on("data",t=>{o.push(t)
i+=t.length
if(i<=65536)return
c(new NetworkError("The answer is longer than 64 KiB",{kind:"too-long",status:n,requestId:s}))
e.destroy()})
e.once("end",()=>a({status:n,headers:r,body:Buffer.concat(o).toString()}))
const cutShort=e=>{c(new NetworkError("The answer was cut short",{kind:"cut-short",status:n,requestId:s,transient:true,cause:e}))}
e.once("error",cutShort)
e.once("close",cutShort)
t.addEventListener("abort",()=>e.destroy(),{once:true})})}(d,t)}#o(e){let t=this.#n.get(e)
if(void 0===t){t=new HttpClient(void 0,[],{keepAlive:true,socketTimeout:21e3})
this.#n.set(e,t)}return t}#s(e,n,r){if(this.#e.signal.aborted)return deadlineError(this.#e,e)
const s=function routeOf(e){const t=lib_getProxyUrl(e.href)
return{host:e.host,proxy:""===t?void 0:new URL(t).host}}(n.url)
if(r.aborted){const t=20
return new NetworkError(`The host ${s.host} did not answer within ${t} s`,{kind:"timeout",transient:true,cause:e})}return e instanceof NetworkError?e:function connectionError(e,n){return function proxyError(e,n){const r=void 0===n.proxy?null:c.exec(errorMessage(e))
if(null===r)return
const[,s,o]=r
if("407"===s)return new NetworkError(`The proxy ${n.proxy} asks for a user and a password (HTTP 407)`,{kind:"proxy-password",cause:e})
const i=void 0===s?`cannot be used: ${o}`:`refused to connect to ${n.host} (HTTP ${s})`
return new NetworkError(`The proxy ${n.proxy} ${i}`,{kind:"proxy",transient:t.has(Number(s))||isTransientCause(o),cause:e})}(e,n)??function hostError(e,t){const n=function errorCodes(e){return(e instanceof AggregateError?e.errors:[e]).flatMap(e=>e instanceof Error&&"code"in e&&"string"===typeof e.code?[e.code]:[])}(e)
const r=n.find(e=>"refused"===causeOf(e)?.kind)??n.find(e=>causeOf(e)?.transient)??n[0]??""
const s=causeOf(r)??{kind:"other",sentence:`gave no answer: ${errorMessage(e)}`}
const o=""===r?"":` (${[...new Set(n)].join(", ")})`
return new NetworkError(`The host ${t.host} ${s.sentence}${o}`,{...s,cause:e})}(e,n)}(e,s)}}function deadlineError(e,t){return new NetworkError(`No answer within the deadline (timeout-seconds: ${e.seconds})`,{kind:"deadline",cause:t})}function requestIdOf(e){const t=e["x-request-id"]
return"string"===typeof t?t:""}const I=new Set(["CC.00000000","CC.00050012","CC.00050014"])
function response_parseResponse(e,n){const{status:r,headers:s}=e
const o=e.body.trim()
const i=function parseJson(e){try{return JSON.parse(e)}catch{return}}(o)
const a=r>=200&&r<300
const c=function findError(e,t){if(!isRecord(e))return
const n=levelsOf(e)
for(const e of u.filter(({refusalsOnly:e})=>t||!e))for(const r of n){const n=r[e.code]
const s=textOf(r[e.message])
if(isGiven(n)||t&&""!==s)return{code:textOf(n),message:s}}return}(i,!a)
const d=requestIdOf(s)||function requestIdIn(e){if(!isRecord(e))return""
return levelsOf(e).map(e=>textOf(e.request_id)).find(Boolean)??""}(i)
if(r>=300&&r<400){const e=void 0===s.location?"":` to ${function withoutSecrets(e){return e.replace(/[?#].*$/s,"").replace(/^([a-z]*:?\/\/)[^/]*@/i,"$1")}(s.location)}`
throw new ApiError(`The host answered with a redirect${e}, which is not followed: it would carry the credential away`,{kind:"redirect",status:r,requestId:d})}if(a&&void 0===c){if(""===o||void 0!==i)return{json:i,requestId:d}
throw new ApiError(`The host answered with ${function describeBody(e){return isMarkup(e)?"a web page":"text"}(o)} where the API answers with JSON`,{kind:"not-json",status:r,requestId:d})}const l=c?.code??""
throw new ApiError(c?.message||function fallbackMessage(e,t){if(""===e||void 0!==t)return"The API gave no reason"
return isMarkup(e)?"The host answered with a web page, which gives no reason":e}(o,i),{kind:"api-error",status:r,code:l,requestId:d,transient:401!==r&&(t.has(r)||I.has(l)),retryAfterMs:parseRetryAfter(s["retry-after"],n)})}function isMarkup(e){return e.startsWith("<")}class CheckApi{#i
#a
#c
#u
constructor(e,t,n,r){this.#i=e
this.#a=t
this.#c=n
this.#u=r}stop(e,t){return this.#d("POST",e,"stop",this.#u,t,(e,t)=>response_parseResponse(e,t).requestId)}status(e,t,n=this.#u){return this.#d("GET",e,"progress",n,t,(e,t)=>function readStatus(e){const t=isRecord(e)?e:{}
const n=t.task_status
const r=t.progress
const s=isRecord(r)?r.ratio:void 0
return{state:S.get(n)??"unknown",taskStatus:nameOf(n),ratio:"string"===typeof s&&s.length<=R?s:void 0}}(response_parseResponse(e,t).json))}#d(e,t,n,r,s,o){const i=new URL(this.#a)
i.pathname=`${i.pathname.replace(/\/$/,"")}/v2/tasks/${t}/${n}`
const a="POST"===e
return this.#i.send({request:{method:e,url:i,headers:a?{"content-type":"application/json"}:{},body:a?"{}":""},authorize:(e,t)=>this.#c.authorize(e,t),parse:o,retries:r,onAttempt:s})}}const R=20
const S=new Map([[0,"checking"],[1,"failed"],[2,"succeeded"],[3,"stopped"],[null,"never-checked"]])
function nameOf(e){if(isRecord(e))return"object"
const t=JSON.stringify(e)??"none"
return t.length<=R?t:`${t.slice(0,R)}\u2026`}const x=lazy(()=>require("node:crypto"))
const $="SDK-HMAC-SHA256"
const q=new Set(["content-type","host","x-project-id","x-sdk-date","x-security-token"])
function sign(e,t,n){const r=`${n.toISOString().replace(/[-:]|\.\d+Z$/g,"")}Z`
const s={...e.headers,host:e.url.host,"x-sdk-date":r}
const{canonical:o,signedHeaders:i}=function canonicalRequest(e){const t=Object.entries(e.headers).filter(([e])=>q.has(e)).sort(([e],[t])=>compare(e,t))
const n=t.map(([e])=>e).join(";")
var r
return{canonical:[e.method,canonicalPath(e.url),(r=e.url,[...r.searchParams].map(([e,t])=>[encode(e),encode(t)]).sort(([e,t],[n,r])=>compare(e,n)||compare(t,r)).map(([e,t])=>`${e}=${t}`).join("&")),...t.map(([e,t])=>`${e}:${t.trim()}`),"",n,sha256(e.body)].join("\n"),signedHeaders:n}}({...e,headers:s})
const a=[$,r,sha256(o)].join("\n")
const c=(0,x.createHmac)("sha256",t.secretAccessKey).update(a).digest("hex")
return{...s,authorization:`${$} Access=${t.accessKeyId}, SignedHeaders=${i}, Signature=${c}`}}function canonicalPath(e){const t=e.pathname.split("/").map(e=>encode(decodeURIComponent(e))).join("/")
return t.endsWith("/")?t:`${t}/`}function encode(e){return encodeURIComponent(e).replace(/[!'()*]/g,e=>`%${e.charCodeAt(0).toString(16).toUpperCase()}`)}function compare(e,t){return e<t?-1:Number(e>t)}function sha256(e){return(0,x.createHash)("sha256").update(e).digest("hex")}function accessKeyCredential(e){return{name:"a key pair",hint:"Check access-key-id and secret-access-key; a temporary key pair expires.",authorize:(t,n)=>{const r={...t.headers,...void 0===e.projectId?{}:{"x-project-id":e.projectId},...void 0===e.securityToken?{}:{"x-security-token":e.securityToken}}
return{...t,headers:sign({...t,headers:r},e,n)}}}}const N={EOL:"win32"===process.platform?"\r\n":"\n",platform:()=>process.platform,arch:()=>process.arch}
function utils_toCommandValue(e){if(null===e||void 0===e)return""
else if("string"===typeof e||e instanceof String)return e
return JSON.stringify(e)}function utils_toCommandProperties(e){if(!Object.keys(e).length)return{}
return{title:e.title,file:e.file,line:e.startLine,endLine:e.endLine,col:e.startColumn,endColumn:e.endColumn}}function command_issueCommand(e,t,n){const r=new Command(e,t,n)
process.stdout.write(r.toString()+N.EOL)}function command_issue(e,t=""){command_issueCommand(e,{},t)}class Command{constructor(e,t,n){if(!e)e="missing.command"
this.command=e
this.properties=t
this.message=n}toString(){let e="::"+this.command
if(this.properties&&Object.keys(this.properties).length>0){e+=" "
let t=true
for(const n in this.properties)if(this.properties.hasOwnProperty(n)){const r=this.properties[n]
if(r){if(t)t=false
else e+=","
e+=`${n}=${escapeProperty(r)}`}}}e+=`::${function escapeData(e){return utils_toCommandValue(e).replace(/%/g,"%25").replace(/\r/g,"%0D").replace(/\n/g,"%0A")}(this.message)}`
return e}}function escapeProperty(e){return utils_toCommandValue(e).replace(/%/g,"%25").replace(/\r/g,"%0D").replace(/\n/g,"%0A").replace(/:/g,"%3A").replace(/,/g,"%2C")}const P=require("fs")
require("path")
class BearerCredentialHandler{constructor(e){this.token=e}prepareRequest(e){if(!e.headers)throw Error("The request has no headers")
e.headers.Authorization=`Bearer ${this.token}`}canHandleAuthentication(){return false}handleAuthentication(){return e=this,n=function*(){throw new Error("not implemented")},new((t=void 0)||(t=Promise))(function(r,s){function fulfilled(e){try{step(n.next(e))}catch(e){s(e)}}function rejected(e){try{step(n.throw(e))}catch(e){s(e)}}function step(e){e.done?r(e.value):function adopt(e){return e instanceof t?e:new t(function(t){t(e)})}(e.value).then(fulfilled,rejected)}step((n=n.apply(e,[])).next())})
var e,t,n}}var oidc_utils_awaiter=function(e,t,n,r){return new(n||(n=Promise))(function(s,o){function fulfilled(e){try{step(r.next(e))}catch(e){o(e)}}function rejected(e){try{step(r.throw(e))}catch(e){o(e)}}function step(e){e.done?s(e.value):function adopt(e){return e instanceof n?e:new n(function(t){t(e)})}(e.value).then(fulfilled,rejected)}step((r=r.apply(e,t||[])).next())})}
class OidcClient{static createHttpClient(e=true,t=10){const n={allowRetries:e,maxRetries:t}
return new HttpClient("actions/oidc-client",[new BearerCredentialHandler(OidcClient.getRequestToken())],n)}static getRequestToken(){const e=process.env.ACTIONS_ID_TOKEN_REQUEST_TOKEN
if(!e)throw new Error("Unable to get ACTIONS_ID_TOKEN_REQUEST_TOKEN env variable")
return e}static getIDTokenUrl(){const e=process.env.ACTIONS_ID_TOKEN_REQUEST_URL
if(!e)throw new Error("Unable to get ACTIONS_ID_TOKEN_REQUEST_URL env variable")
return e}static getCall(e){return oidc_utils_awaiter(this,void 0,void 0,function*(){var t
const n=OidcClient.createHttpClient()
const r=null===(t=(yield n.getJson(e).catch(e=>{throw new Error(`Failed to get ID Token. \n \n        Error Code : ${e.statusCode}\n \n        Error Message: ${e.message}`)})).result)||void 0===t?void 0:t.value
if(!r)throw new Error("Response json body do not have ID Token field")
return r})}static getIDToken(e){return oidc_utils_awaiter(this,void 0,void 0,function*(){try{let t=OidcClient.getIDTokenUrl()
if(e)t=`${t}&audience=${encodeURIComponent(e)}`
!function debug(e){command_issueCommand("debug",{},e)}(`ID token url is ${t}`)
const n=yield OidcClient.getCall(t)
setSecret(n)
return n}catch(e){throw new Error(`Error message: ${e.message}`)}})}}var summary_awaiter=function(e,t,n,r){return new(n||(n=Promise))(function(s,o){function fulfilled(e){try{step(r.next(e))}catch(e){o(e)}}function rejected(e){try{step(r.throw(e))}catch(e){o(e)}}function step(e){e.done?s(e.value):function adopt(e){return e instanceof n?e:new n(function(t){t(e)})}(e.value).then(fulfilled,rejected)}step((r=r.apply(e,t||[])).next())})}
const{access:U,appendFile:j,writeFile:L}=Object.fromEntries(["access","appendFile","writeFile"].map(e=>[e,async(...t)=>P[e+"Sync"](...t)]))
const M="GITHUB_STEP_SUMMARY"
const D=new class Summary{constructor(){this._buffer=""}filePath(){return summary_awaiter(this,void 0,void 0,function*(){if(this._filePath)return this._filePath
const e=process.env[M]
if(!e)throw new Error(`Unable to find environment variable for $${M}. Check if your runtime environment supports job summaries.`)
try{yield U(e,P.constants.R_OK|P.constants.W_OK)}catch(t){throw new Error(`Unable to access summary file: '${e}'. Check if the file has correct read/write permissions.`)}this._filePath=e
return this._filePath})}wrap(e,t,n={}){const r=Object.entries(n).map(([e,t])=>` ${e}="${t}"`).join("")
if(!t)return`<${e}${r}>`
return`<${e}${r}>${t}</${e}>`}write(e){return summary_awaiter(this,void 0,void 0,function*(){const t=!!(null===e||void 0===e?void 0:e.overwrite)
const n=yield this.filePath()
const r=t?L:j
yield r(n,this._buffer,{encoding:"utf8"})
return this.emptyBuffer()})}clear(){return summary_awaiter(this,void 0,void 0,function*(){return this.emptyBuffer().write({overwrite:true})})}stringify(){return this._buffer}isEmptyBuffer(){return 0===this._buffer.length}emptyBuffer(){this._buffer=""
return this}addRaw(e,t=false){this._buffer+=e
return t?this.addEOL():this}addEOL(){return this.addRaw(N.EOL)}addCodeBlock(e,t){const n=Object.assign({},t&&{lang:t})
const r=this.wrap("pre",this.wrap("code",e),n)
return this.addRaw(r).addEOL()}addList(e,t=false){const n=t?"ol":"ul"
const r=e.map(e=>this.wrap("li",e)).join("")
const s=this.wrap(n,r)
return this.addRaw(s).addEOL()}addTable(e){const t=e.map(e=>{const t=e.map(e=>{if("string"===typeof e)return this.wrap("td",e)
const{header:t,data:n,colspan:r,rowspan:s}=e
const o=t?"th":"td"
const i=Object.assign(Object.assign({},r&&{colspan:r}),s&&{rowspan:s})
return this.wrap(o,n,i)}).join("")
return this.wrap("tr",t)}).join("")
const n=this.wrap("table",t)
return this.addRaw(n).addEOL()}addDetails(e,t){const n=this.wrap("details",this.wrap("summary",e)+t)
return this.addRaw(n).addEOL()}addImage(e,t,n){const{width:r,height:s}=n||{}
const o=Object.assign(Object.assign({},r&&{width:r}),s&&{height:s})
const i=this.wrap("img",null,Object.assign({src:e,alt:t},o))
return this.addRaw(i).addEOL()}addHeading(e,t){const n=`h${t}`
const r=["h1","h2","h3","h4","h5","h6"].includes(n)?n:"h1"
const s=this.wrap(r,e)
return this.addRaw(s).addEOL()}addSeparator(){const e=this.wrap("hr",null)
return this.addRaw(e).addEOL()}addBreak(){const e=this.wrap("br",null)
return this.addRaw(e).addEOL()}addQuote(e,t){const n=Object.assign({},t&&{cite:t})
const r=this.wrap("blockquote",e,n)
return this.addRaw(r).addEOL()}addLink(e,t){const n=this.wrap("a",e,{href:t})
return this.addRaw(n).addEOL()}}
N.platform()
N.arch()
var H
!function(e){e[e.Success=0]="Success"
e[e.Failure=1]="Failure"}(H||(H={}))
function setSecret(e){command_issueCommand("add-mask",{},e)}function getInput(e,t){const n=process.env[`INPUT_${e.replace(/ /g,"_").toUpperCase()}`]||""
if(t&&t.required&&!n)throw new Error(`Input required and not supplied: ${e}`)
if(t&&false===t.trimWhitespace)return n
return n.trim()}function setOutput(e,t){if(process.env.GITHUB_OUTPUT||"")return function file_command_issueFileCommand(e,t){const n=process.env[`GITHUB_${e}`]
if(!n)throw new Error(`Unable to find environment variable for file command ${e}`)
if(!P.existsSync(n))throw new Error(`Missing file at path: ${n}`)
P.appendFileSync(n,`${utils_toCommandValue(t)}${N.EOL}`,{encoding:"utf8"})}("OUTPUT",function file_command_prepareKeyValueMessage(e,t){const n="ghadelimiter_"+Math.random()+"-"+Math.random()
const r=utils_toCommandValue(t)
if(e.includes(n))throw new Error(`Unexpected input: name should not contain the delimiter "${n}"`)
if(r.includes(n))throw new Error(`Unexpected input: value should not contain the delimiter "${n}"`)
return`${e}<<${n}${N.EOL}${r}${N.EOL}${n}`}(e,t))
process.stdout.write(N.EOL)
command_issueCommand("set-output",{name:e},utils_toCommandValue(t))}function info(e){process.stdout.write(e+N.EOL)}class Deadline{seconds
signal
#t
#l
constructor(e,t){const n=new AbortController
this.seconds=e
this.signal=n.signal
this.#t=t
this.#l=t.now()+1e3*e
t.after(1e3*e,()=>n.abort())}remainingMs(){return this.signal.aborted?0:Math.max(0,this.#l-this.#t.now())}}class Node{value
next
constructor(e){this.value=e}}class Queue{#h
#f
#p
constructor(){this.clear()}enqueue(e){const t=new Node(e)
if(this.#h){this.#f.next=t
this.#f=t}else{this.#h=t
this.#f=t}this.#p++}dequeue(){const e=this.#h
if(!e)return
this.#h=this.#h.next
this.#p--
if(!this.#h)this.#f=void 0
return e.value}peek(){if(!this.#h)return
return this.#h.value}clear(){this.#h=void 0
this.#f=void 0
this.#p=0}get size(){return this.#p}*[Symbol.iterator](){let e=this.#h
for(;e;){yield e.value
e=e.next}}*drain(){for(;this.#h;)yield this.dequeue()}}function pLimit(e){let t=false
if("object"===typeof e)({concurrency:e,rejectOnClear:t=false}=e)
validateConcurrency(e)
if("boolean"!==typeof t)throw new TypeError("Expected `rejectOnClear` to be a boolean")
const n=new Queue
let r=0
const resumeNext=()=>{if(r<e&&n.size>0){r++
n.dequeue().run()}}
const run=async(e,t,n)=>{const s=(async()=>e(...n))()
t(s)
try{await s}catch{}(()=>{r--
resumeNext()})()}
const generator=(t,...s)=>new Promise((o,i)=>{((t,s,o,i)=>{const a={reject:o}
new Promise(e=>{a.run=e
n.enqueue(a)}).then(run.bind(void 0,t,s,i))
if(r<e)resumeNext()})(t,o,i,s)})
Object.defineProperties(generator,{activeCount:{get:()=>r},pendingCount:{get:()=>n.size},clearQueue:{value(){if(!t){n.clear()
return}const e=AbortSignal.abort().reason
for(;n.size>0;)n.dequeue().reject(e)}},concurrency:{get:()=>e,set(t){validateConcurrency(t)
e=t
queueMicrotask(()=>{for(;r<e&&n.size>0;)resumeNext()})}},map:{async value(e,t){const n=[]
try{Array.from(e,(e,r)=>{const s=generator(t,e,r)
n.push(s)
return s})}catch(e){for(const e of n)e.catch(()=>{})
throw e}return Promise.all(n)}}})
return generator}function validateConcurrency(e){if(!((Number.isInteger(e)||e===Number.POSITIVE_INFINITY)&&e>0))throw new TypeError("Expected `concurrency` to be a number from 1 and up")}class client_HttpClient{#m
#g
#w=0
#y
#k
constructor(e){this.#m=e
this.#g=e.sideBySide?pLimit(16):e=>e()}async send(e){const{clock:t,deadline:n}=this.#m
for(let r=1;;r++){const s=await this.#g(()=>this.#v(e,r))
e.onAttempt(s)
if(void 0===s.failure)return s.value
const{failure:o,nextInMs:i}=s
if(void 0===i)throw o
await t.sleep(i,n.signal).catch(()=>{throw o})}}async#v(e,t){await this.#_()
const{transport:n,clock:r}=this.#m
const s=e.authorize(e.request,r.date())
const o=r.now()
const seen=e=>({request:s,number:t,status:e,durationMs:r.now()-o})
let i=null
try{const t=await n.send(s)
i=t.status
const o=e.parse(t,r.date())
return{...seen(i),failure:void 0,nextInMs:void 0,value:o}}catch(n){if(!(n instanceof RequestError))throw n
if(401===n.status)this.#k??=n
const r=this.#E(n,t,e.retries)
return{...seen(n.status),failure:n,nextInMs:r}}}async#_(){const{clock:e,deadline:t}=this.#m
for(;;){if(void 0!==this.#k)throw new SkippedError("the credential was refused",this.#k)
if(t.signal.aborted)throw deadlineError(t)
const n=this.#w-e.now()
if(void 0===this.#y||n<=0)return
if(n>=t.remainingMs())throw new SkippedError("the API asks to wait past the deadline",this.#y)
await e.sleep(n,t.signal).catch(()=>{})}}#E(e,t,n){if(!e.transient)return
const{clock:r,deadline:s,random:o}=this.#m
const i=e.retryAfterMs??function backoffMs(e,t){return t*Math.min(16e3,1e3*2**(e-1))}(t,o())
if(429===e.status){this.#w=Math.max(this.#w,r.now()+i)
this.#y=e}return t>n||i>=s.remainingMs()?void 0:i}}class InputError extends Error{name="InputError"
input
constructor(e,t,n){super(`${e} ${t}${void 0===n?"":`, not '${n}'`}`)
this.input=e}}const B=new Map([["cn-north-4","codearts-check.cn-north-4.myhuaweicloud.com"],["cn-north-1","codearts-check.cn-north-4.myhuaweicloud.com"],["cn-south-1","codearts-check.cn-south-1.myhuaweicloud.com"],["cn-east-2","codearts-check.cn-south-1.myhuaweicloud.com"],["cn-east-3","codearts-check.cn-south-1.myhuaweicloud.com"],["cn-southwest-2","codearts-check.cn-south-1.myhuaweicloud.com"],["ap-southeast-3","devcloud.ap-southeast-3.myhuaweicloud.com"],["la-north-2","devcloud.la-north-2.myhuaweicloud.com"],["sa-brazil-1","devcloud.sa-brazil-1.myhuaweicloud.com"],["eu-west-101","check.eu-west-101.myhuaweicloud.eu"]])
const G=/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/
const z=/^[Hh][Tt][Tt][Pp][Ss]?:\/\/([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?((?:\/[A-Za-z0-9._~-]*)*)$/
const W=["token","secret-access-key","security-token"]
const F="HUAWEI_CLOUD_SECRET_ACCESS_KEY"
const K="ACTIONS_ID_TOKEN_REQUEST_TOKEN"
function readEndpoint(e){const t=getInput(e)
return""===t?void 0:function parseEndpoint(e,t){const n=G.test(e)?`https://${e}`:e
const r=z.exec(n)?.[1]?.toLowerCase()
const s=void 0!==r&&URL.canParse(n)?new URL(n):void 0
if(!(void 0!==s&&(s.hostname===r||s.hostname.startsWith("[")))||"http:"===s.protocol&&!function isLoopback(e){return"localhost"===e||"[::1]"===e||/^127\.\d+\.\d+\.\d+$/.test(e)}(s.hostname))throw new InputError(t,"takes a host name or https://host[:port][/path], without user, query or fragment; http:// only for localhost, 127.0.0.0/8 and [::1]",e)
s.pathname=s.pathname.replace(/\/+$/,"")
return s}(t,e)}const J=["access-key-id","secret-access-key","security-token"]
const Z=["oidc-provider-urn","agency-urn","oidc-audience","sts-endpoint"]
function readSecret(e,t,n=getInput){const r=n(e)
if(r.length<=t&&/^[\x21-\x7e]+$/.test(r))return r
throw new InputError(e,`takes 1 to ${t} visible ASCII characters, without white space; it has ${r.length} characters, ${r.replace(/[\x21-\x7e]/g,"").length} of them others`)}function readWord(e,t,n=getInput){const r=n(e)
if(r.length<=t&&/^[A-Za-z0-9_-]+$/.test(r))return r
throw new InputError(e,`takes 1 to ${t} letters, digits, _ and -`)}function readUrn(e,t){const n=getInput(e)
if(n.length<=512&&new RegExp(`^iam::[^:\\s]+:${t}:[\\x21-\\x7e]+$`).test(n))return n
throw new InputError(e,`takes a URN like iam::<account ID>:${t}:<name>`,n)}function readChoice(e,t,n){const r=getInput(e)||n
if(t.includes(r))return r
throw new InputError(e,`takes ${t.join(" or ")}`,r)}function readInteger(e,t){const n=getInput(e)
if(""===n)return t.fallback
const r=/^\d{1,4}$/.test(n)?Number(n):Number.NaN
if(r>=t.min&&r<=t.max)return r
throw new InputError(e,`takes a whole number from ${t.min} to ${t.max}`,n)}function requireAll(e,t){const n=e.filter(e=>""===t(e))
if(0===n.length)return
throw new InputError(list(n),`must not be empty: ${list(e)} go together. If it comes from a secret, is its name right, and may this workflow read it?`)}function checkProxy(e){const t=["https_proxy","HTTPS_PROXY"]
for(const e of t.filter(e=>""===variable(e)))delete process.env[e]
const n=t.find(e=>""!==variable(e))
if("https:"!==e.protocol||void 0===n||checkBypass(e))return
let r=""
try{r=lib_getProxyUrl(e.href)}catch{}if(!/^https?:\/\/[^/]/.test(r))throw new InputError(`$${n}`,"takes http://[user:password@]host[:port]")}function variable(e){return process.env[e]?.trim()??""}function list(e){return e.length<2?e.join(""):`${e.slice(0,-1).join(", ")} and ${e.at(-1)}`}const V=new RegExp("[\\x00-\\x1f\\x7f-\\x9f\\xad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb]|\\ud804[\\udcbd\\udccd]|\\ud80d[\\udc30-\\udc3f]|\\ud82f[\\udca0-\\udca3]|\\ud834[\\udd73-\\udd7a]|\\udb40[\\udc01\\udc20-\\udc7f]","g")
const Y=/^[ -~\u2192\u2026]*$/
function truncate(e,t){return e.length<=t?e:`${e.slice(0,t-1).replace(/[\ud800-\udbff]$/,"")}\u2026`}function escapeHtml(e){return e.replace(/[&<>"']/g,e=>`&#${e.charCodeAt(0)};`)}function duration(e){if(e<999.5)return`${Math.round(e)} ms`
if(e<59950)return`${(e/1e3).toFixed(1)} s`
const t=Math.round(e/1e3)
return`${Math.floor(t/60)} min ${t%60} s`}const Q={stopped:"stopped","stop-requested":"asked to stop","not-running":"not running",failed:"failed"}
const X={stopped:"\u2705","stop-requested":"\u2611\ufe0f","not-running":"\u26aa",failed:"\u274c"}
function headline(e){const[t]=e
if(void 0!==t&&1===e.length)return`Scan ${t.taskId} ${"failed"===t.outcome?"was not stopped":Q[t.outcome]}`
return Object.keys(Q).map(t=>({words:Q[t],count:e.filter(e=>e.outcome===t).length})).filter(({count:e})=>e>0).map(({words:t,count:n},r)=>0===r?`${n} of ${e.length} scans ${t}`:`${n} ${t}`).join(", ")}function resultLine(e,t){const{failure:n,durationMs:r}=e
const s=headline([e])
return void 0===n?`${s}, after ${duration(r)}`:`${s}: ${formatError(n,t)}`}function formatError(e,t){const n=[e.code,null===e.status?"":`HTTP ${e.status}`,""===e.requestId?"":`request ID ${e.requestId}`].filter(e=>""!==e)
const r=t.clean(e.message,300)
return 0===n.length?r:`${r} (${t.clean(n.join(", "),300)})`}class Log{#b
constructor(e){this.#b=e}line(e){info(this.#O(e))}attempt(e){this.line(describeAttempt(e))}task(e){if(e)return{line:e=>this.line(e),attempt:e=>this.attempt(e),end:e=>{if("failed"!==e.outcome)this.line(resultLine(e,this.#b))}}
const t=[]
const keep=e=>t.push(this.#O(e))
return{line:keep,attempt:e=>keep(describeAttempt(e)),end:e=>{const n=resultLine(e,this.#b)
if(0===t.length)return this.line(n)
!function startGroup(e){command_issue("group",e)}(this.#O(n))
for(const e of t)info(e)
!function endGroup(){command_issue("endgroup")}()}}}#O(e){return this.#b.clean(e,2e3)}}function describeAttempt({request:e,number:t,status:n,durationMs:r,failure:s,nextInMs:o}){const i=[`${e.method} ${e.url.href} \u2192 ${null===n?"no answer":`HTTP ${n}`} in ${duration(r)}`]
if(void 0!==s)i.push([s.code,s.message].filter(Boolean).join(" "))
if(void 0!==o)i.push(`attempt ${t+1} in ${duration(o)}`)
return i.join("; ")}function resolutionOf(e){if(e instanceof RequestError)return function isFinal(e){if(e instanceof SkippedError)return e.refusedCredential
return e instanceof ApiError&&!e.transient}(e)?{outcome:"stop-requested",statusError:e}:void 0
if("stopped"===e.state)return{outcome:"stopped"}
return"checking"!==e.state&&"unknown"!==e.state?{outcome:"not-running"}:void 0}function nextPollDelay(e,t,n){const r=n.remainingMs()
const s=Math.min(t,r-500)
if(!(e instanceof RequestError))return s
const o=e.retryAfterMs??0
return e instanceof SkippedError||o>=r?0:Math.max(s,o)}function isDeadline(e){return e instanceof RequestError&&"deadline"===e.kind}async function look(e,t,n){try{return await t.status(e,e=>{if(void 0!==e.failure)n.attempt(e)},0)}catch(e){if(e instanceof RequestError)return e
throw e}}function notConfirmed(e,t){const n=`after ${t.seconds} s (timeout-seconds)`
const r="The API took the stop request, but"
let s
if(e instanceof RequestError)s=`${r} the status of the scan could not be read before the deadline: ${e.message}`
else if("checking"===e.state)s=`${r} the scan was still being checked ${n}`
else s=`${r} the scan had the unknown status ${e.taskStatus} ${n}`
return{outcome:"failed",failure:new NetworkError(s,{kind:"deadline",cause:e})}}class ProgressLines{#A
#t
#T=""
#C=Number.NEGATIVE_INFINITY
constructor(e,t){this.#A=e
this.#t=t}show(e){if(e instanceof RequestError)return
const t=void 0===e.ratio?"":`, ${e.ratio}`
const n="checking"===e.state?`Still being checked${t}`:`Unknown status ${e.taskStatus}${t}`
const r=this.#t.now()
if(n===this.#T||r-this.#C<3e3)return
this.#T=n
this.#C=r
this.#A.line(n)}}const ee=new Set(["CC.00000003","CC.00050007","CC.00050010","CC.00050011"])
const te=lazy(()=>require("node:timers/promises"))
const ne={now:()=>Number(process.hrtime.bigint())/1e6,date:()=>new Date,sleep:(e,t)=>(0,te.setTimeout)(e,void 0,{signal:t}),after:(e,t)=>{const n=setTimeout(t,e)
return()=>clearTimeout(n)}}
const codeIs=(...e)=>t=>e.includes(t.code)
const kindIs=(...e)=>t=>e.includes(t.kind)
const statusIs=(...e)=>({status:t})=>null!==t&&e.includes(t)
const refusedBecause=e=>t=>"APIGW.0301"===t.code&&e.test(t.message)
const renew=({credential:e})=>e?.hint??"Check the credential."
const maybeOver=e=>({notRunningSucceeds:t})=>t?e:`${e} If the scan may be over already: if-not-running: succeed asks for its status, and makes that no failure.`
const re="The API is busy: run the step again later, or give it more time (timeout-seconds) and attempts (retries)."
const se="Grant the user codeartscheck:task:execute (an IAM policy, or a CodeArts project role that may execute tasks). A wrong region or endpoint shows in the same way."
const oe="The stop may have happened all the same: look at the task in CodeArts Check, or run the step again."
const ie=[{when:codeIs("CC.00000003","APIGW.0307"),advice:renew},{when:codeIs("CC.00000000","CC.00050012","CC.00050014"),advice:re},{when:codeIs("CC.00050007"),advice:renew},{when:codeIs("CC.00050010"),advice:se},{when:codeIs("CC.00050011"),advice:"Add the user to the CodeArts project of the task."},{when:codeIs("CC.00050013"),advice:"Check task-id and region: mostly one of them is wrong."},{when:e=>/^CC\..+\.400$/.test(e.code),advice:maybeOver("Check task-id: it is the ID of a check task; each of its branch tasks and incremental tasks has its own.")},{when:codeIs("APIGW.0101","APIGW.0103"),advice:"No such API at this host: check region and endpoint."},{when:refusedBecause(/signature expired/i),advice:"Set the clock of the runner: it is off by more than 15 minutes."},{when:refusedBecause(/reach the limit/i),advice:"The key pair is locked for 5 minutes, after more than five refusals: wait, then check access-key-id and secret-access-key."},{when:refusedBecause(/verify aksk signature fail|ak .* not exist/i),advice:"Check access-key-id and secret-access-key: one of them is wrong, or the pair was deleted."},{when:refusedBecause(/decrypt token fail/i),advice:"Check token: it is not a token, not all of one, or one of another region."},{when:codeIs("APIGW.0301"),advice:renew},{when:codeIs("APIGW.0302","APIGW.0304","APIGW.0306","APIGW.0310"),advice:"Check the permissions of the user and the state of the account and its project."},{when:codeIs("APIGW.0308"),advice:"The API throttles: run the step again later, or give it more time (timeout-seconds)."},{when:codeIs("PAP5.0001"),advice:"An identity policy denies it: grant the action that the message names."},{when:codeIs("STS5.1001"),advice:"The trust policy of the agency does not match the ID token: compare its provider, audience (oidc-audience, and the client ID of the provider) and subject (repository, branch or environment) with this workflow run."},{when:kindIs("id-token"),advice:"Give the job the permission to ask for an ID token: permissions: id-token: write."},{when:kindIs("redirect","not-json"),advice:"Something other than the API answered: check region, endpoint, and the proxy or login page of the network."},{when:kindIs("host-not-found","refused","unreachable","not-http"),advice:"Check region and endpoint (for oidc also sts-endpoint), and whether this runner may reach the host."},{when:kindIs("certificate"),advice:"If the network has an authority of its own, name the file with its certificate in NODE_EXTRA_CA_CERTS. Verification cannot be turned off."},{when:kindIs("tls"),advice:"Check the scheme and port of endpoint, and the proxy of the network."},{when:kindIs("proxy"),advice:"Check the variables https_proxy and no_proxy of this runner."},{when:kindIs("proxy-password"),advice:"Name them in https_proxy: http://user:password@host:port, with special characters percent-encoded."},{when:kindIs("reset","timeout","cut-short","too-long"),advice:oe},{when:kindIs("deadline"),advice:"Give it more time (timeout-seconds), and look at the task in CodeArts Check: the stop may have happened all the same."},{when:statusIs(401),advice:renew},{when:statusIs(403),advice:se},{when:statusIs(400,404),advice:maybeOver("Check task-id, region and endpoint.")},{when:statusIs(413,414,494),advice:"The request is too large for the gateway: check token and endpoint."},{when:statusIs(429),advice:re},{when:statusIs(504),advice:oe},{when:statusIs(500,502,503),advice:re}]
function adviceFor(e,t){const n=ie.find(({when:t})=>t(e))
return"function"===typeof n?.advice?n.advice(t):n?.advice}const ae=/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g
function outputsOf(e,t){const n=e.map(e=>function row(e,t){return{"task-id":harmless(e.taskId,t),outcome:e.outcome,"status-code":e.statusCode,"error-code":harmless(e.failure?.code??"",t),"error-message":harmless(e.failure?.message??"",t),"request-id":harmless(e.requestId,t)}}(e,t))
const r=n.find(({outcome:e})=>"failed"===e)??n[0]
return{outcome:r?.outcome??"failed","status-code":String(r?.["status-code"]??""),"error-code":r?.["error-code"]??"","error-message":r?.["error-message"]??"","request-id":r?.["request-id"]??"",results:JSON.stringify(n)}}function outputsWithoutTasks(e,t){return{outcome:"failed","status-code":"","error-code":"","error-message":harmless(e,t),"request-id":"",results:"[]"}}function harmless(e,t){return truncate(t.redact(e.toWellFormed().replace(ae," ")),1e3)}const ce=["Task","Outcome","HTTP status","What the API said","Request ID","Attempts","Duration"]
function addTable(e,t){let n=Buffer.byteLength(D.stringify())
const r=e.map(e=>function cells(e,t){const{outcome:n,failure:r,statusError:s}=e
const o=r??s
const i=void 0===o?"":[o.code,o.message].filter(Boolean).join(" ")
const code=e=>""===e?" ":`<code>${escapeHtml(t.clean(e,200))}</code>`
return[code(e.taskId),`${X[n]} ${Q[n]}`,String(e.statusCode??"\u2013"),code(i),code(e.requestId),String(e.attempts),duration(e.durationMs)]}(e,t)).filter(e=>{n+=Buffer.byteLength(e.join("<td></td>"))+9
return n<1e6})
D.addTable([ce.map(e=>({data:e,header:true})),...r])
if(r.length<e.length)D.addRaw(`<p>and ${e.length-r.length} more</p>`).addEOL()}const ue="Stop CodeArts Check Task"
const de=new class Secrets{#I=new Set
add(e){setSecret(e)
this.#I.add(e)
this.#I.add(encodeURIComponent(e.toWellFormed()))}redact(e){return[...this.#I].sort((e,t)=>t.length-e.length).reduce((e,t)=>e.replaceAll(t,"***"),e)}clean(e,t){return truncate(function escapeCommands(e){return e.replaceAll("##[","# #[").replace(/^\s*::/,": :")}(this.redact(function stripControls(e){if(Y.test(e))return e.trim()
return e.toWellFormed().replace(V," ").trim()}(e))),t)}}
!function run(e,t,n){let r=false
const end=e=>{r=true
n.flush(()=>n.exit(e))}
const failUnexpectedly=e=>{if(r)return
t.report.failUnexpectedly(e)
end(1)}
const unexpected=e=>failUnexpectedly(`Unexpected error: ${errorMessage(e)}`)
n.on("uncaughtException",unexpected)
n.on("unhandledRejection",unexpected)
n.on("beforeExit",()=>failUnexpectedly("The process ran out of work before it was done"))
for(const e of["SIGINT","SIGTERM"])n.on(e,()=>failUnexpectedly(`The step was cancelled (${e})`))
e(t).then(e=>end(e?0:1),unexpected)}(async function main(e){const{clock:t,report:n,secrets:r}=e
const s=function inputsOrReport({secrets:e,report:t}){try{return function getInputs(e){const t=[...W.map(e=>getInput(e)),...[F,K].map(variable)]
for(const n of t.filter(e=>""!==e))e(n)
const n=function readTaskIds(){const e="takes one or more task IDs, separated by commas or white space, each of 1 to 32 letters, digits, _ and -"
const t=getInput("task-id")
const n=[...new Set(t.split(/[\s,]+/).filter(e=>""!==e))]
if(0===n.length)throw new InputError("task-id",`${e}; it is empty. Did the step that starts the scan set its output?`)
const r=n.find(e=>!/^[A-Za-z0-9_-]{1,32}$/.test(e))
if(void 0!==r)throw new InputError("task-id",e,r)
if(n.length>1e3)throw new InputError("task-id",`takes at most 1000 task IDs, not ${n.length}`)
return Object.freeze(n)}()
const r=getInput("region")||variable("HUAWEI_CLOUD_REGION")||"cn-north-4"
const s=function readCheckEndpoint(e){const t=readEndpoint("endpoint")
const n=""===getInput("region")
if(void 0!==t&&n&&/^[a-z0-9-]+$/.test(e))return t
const r=function regionEndpoint(e,t){const n=B.get(e)
if(void 0===n){const n=[...B.keys()].join(", ")
throw new InputError(t,`takes one of these regions: ${n}`,e)}return new URL(`https://${n}`)}(e,n?"region (from $HUAWEI_CLOUD_REGION)":"region")
return t??r}(r)
const o=function readCredential(e){const given=e=>e.filter(e=>""!==getInput(e))
const[t,n,r]=[given(["token"]),given(J),given(Z)]
if([t,n,r].filter(e=>e.length>0).length>1)throw new InputError(list([...t,...n,...r]),"belong to different kinds of credential: give a token, a key pair, or oidc, not two of them")
if(t.length>0)return function readToken(){if(getInput("project-id"))throw new InputError("project-id","does not go with token, which is of one project already")
return{kind:"token",token:readSecret("token",1e5)}}()
if(n.length>0)return function readAccessKey(){requireAll(["access-key-id","secret-access-key"],getInput)
return{kind:"access-key",accessKeyId:readWord("access-key-id",128),secretAccessKey:readSecret("secret-access-key",256),securityToken:getInput("security-token")?readSecret("security-token",1e5):void 0,projectId:getInput("project-id")?readWord("project-id",64):void 0}}()
if(r.length>0)return function readOidc(e){requireAll(["oidc-provider-urn","agency-urn"],getInput)
const t=getInput("oidc-audience")
if(!/^[\x20-\x7e]{0,1024}$/.test(t))throw new InputError("oidc-audience","takes up to 1024 visible ASCII characters")
const n=[variable("GITHUB_RUN_ID"),variable("GITHUB_RUN_ATTEMPT")].join("-")
return{kind:"oidc",providerUrn:readUrn("oidc-provider-urn","oidcProvider"),agencyUrn:readUrn("agency-urn","agency"),audience:""===t?void 0:t,stsEndpoint:readEndpoint("sts-endpoint")??new URL(`https://sts.${e}.myhuaweicloud.com`),projectId:getInput("project-id")?readWord("project-id",64):void 0,idTokenAvailable:""!==variable("ACTIONS_ID_TOKEN_REQUEST_URL")&&""!==variable(K),sessionName:`github-${n.replace(/[^0-9-]/g,"")}`.slice(0,128)}}(e)
if(getInput("project-id"))throw new InputError("project-id","goes with access-key-id and secret-access-key, or with oidc-provider-urn and agency-urn")
return function readInheritedAccessKey(){const e=["HUAWEI_CLOUD_ACCESS_KEY_ID",F]
if(e.every(e=>""===variable(e)))throw new InputError("token","is empty, and no other credential is given: it takes an IAM user token. Instead of it: access-key-id and secret-access-key, or oidc-provider-urn and agency-urn. If it comes from a secret, that secret is empty here: is its name right, and may this workflow read it (a run from a fork or of Dependabot may not)?")
requireAll(e,variable)
const t="HUAWEI_CLOUD_PROJECT_ID"
return{kind:"access-key",accessKeyId:readWord(e[0],128,variable),secretAccessKey:readSecret(e[1],256,variable),securityToken:void 0,projectId:variable(t)?readWord(t,64,variable):void 0}}()}(r)
!function verifyCertificates(){const e="NODE_TLS_REJECT_UNAUTHORIZED"
if("0"===variable(e))delete process.env[e]}()
checkProxy(s)
if("oidc"===o.kind)checkProxy(o.stsEndpoint)
return Object.freeze({taskIds:n,credential:o,endpoint:s,wait:"true"===readChoice("wait",["true","false"],"false"),notRunningSucceeds:"succeed"===readChoice("if-not-running",["fail","succeed"],"fail"),timeoutSeconds:readInteger("timeout-seconds",{min:1,max:3600,fallback:60}),retries:readInteger("retries",{min:0,max:10,fallback:3}),hasSummary:""!==variable("GITHUB_STEP_SUMMARY")})}(t=>e.add(t))}catch(e){if(!(e instanceof InputError))throw e
t.failEarly(e.message)
return}}(e)
if(void 0===s)return false
const o=new Deadline(s.timeoutSeconds,t)
const i=new Log(r)
n.expect(s.taskIds)
i.line(function describeStart({taskIds:e,endpoint:t,timeoutSeconds:n}){return`Stopping ${1===e.length?`scan ${e[0]}`:`${e.length} scans`} at ${t.host}, within ${n} s`}(s))
const a=new client_HttpClient({...e,deadline:o,transport:new Transport(o,t),sideBySide:s.taskIds.length>1})
let c
try{c=await async function createCredential(e,t){switch(e.kind){case"token":return function tokenCredential(e){return{name:"a token",hint:"A token lives 24 hours: obtain it in the job that uses it, or use a key pair (access-key-id, secret-access-key).",authorize:t=>({...t,headers:{...t.headers,"x-auth-token":e}})}}(e.token)
case"access-key":return accessKeyCredential(e)
case"oidc":{const{audience:n,idTokenAvailable:r}=e
const{deadline:s,secrets:o,log:i}=t
i.line(`Exchanging GitHub's ID token at ${e.stsEndpoint.host}`)
return async function oidcCredential(e,t){const n=await t.idToken()
t.mask(n)
const r=new URL(e.stsEndpoint)
r.pathname=`${r.pathname.replace(/\/$/,"")}/v5/agencies/assume-with-oidc`
const s=await t.client.send({request:{method:"POST",url:r,headers:{"content-type":"application/json"},body:JSON.stringify({provider_urn:e.providerUrn,agency_urn:e.agencyUrn,agency_session_name:e.sessionName,id_token:n,duration_seconds:e.durationSeconds})},authorize:e=>e,parse:(e,t)=>function readKeys(e,t){const n=isRecord(e)?e.credentials:void 0
const text=e=>{const r=isRecord(n)?n[e]:void 0
if("string"===typeof r&&""!==r)return r
throw new ApiError(`The answer of STS has no credentials.${e}`,{kind:"not-json",status:t})}
return{accessKeyId:text("access_key_id"),secretAccessKey:text("secret_access_key"),securityToken:text("security_token")}}(response_parseResponse(e,t).json,e.status),retries:t.retries,onAttempt:t.onAttempt})
for(const e of Object.values(s))t.mask(e)
return{...accessKeyCredential({...s,projectId:e.projectId}),name:"a temporary key pair",hint:"The temporary key pair was obtained in this step: look at the trust agency and its permissions."}}({...e,durationSeconds:Math.max(900,s.seconds)},{...t,idToken:()=>async function githubIdToken(e,t,n){if(!t)throw new NetworkError("GitHub gives this job no ID token",{kind:"id-token"})
try{const t=await abortable(function getIDToken(e){return t=this,r=function*(){return yield OidcClient.getIDToken(e)},new((n=void 0)||(n=Promise))(function(e,s){function fulfilled(e){try{step(r.next(e))}catch(e){s(e)}}function rejected(e){try{step(r.throw(e))}catch(e){s(e)}}function step(t){t.done?e(t.value):function adopt(e){return e instanceof n?e:new n(function(t){t(e)})}(t.value).then(fulfilled,rejected)}step((r=r.apply(t,[])).next())})
var t,n,r}(e),n.signal)
if("string"===typeof t)return t
throw new Error("its answer holds none")}catch(e){if(n.signal.aborted)throw deadlineError(n,e)
throw new NetworkError(`GitHub gave no ID token: ${errorMessage(e)}`,{kind:"other",cause:e})}}(n,r,s),mask:e=>o.add(e),onAttempt:e=>i.attempt(e)})}}}(s.credential,{...s,...e,client:a,deadline:o,log:i})
const r=new CheckApi(a,s.endpoint,c,s.retries)
const u={...s,api:r,clock:t,deadline:o,log:i}
await async function stopTasks(e,t,n){const r=1===e.length
const s=Promise.withResolvers()
const stop=async e=>{const o=await async function requestStop(e,t,n,r){const s=t.clock.now()
let o=0
let i=null
const a=await t.api.stop(e,e=>{o+=1
i=e.status??i
n.attempt(e)
r()}).then(e=>({requestId:e,failure:void 0}),e=>{const t=function asFailure(e){if(e instanceof RequestError)return e
return new NetworkError(`Unexpected error: ${errorMessage(e)}`,{kind:"other",cause:e})}(e)
return{requestId:t.requestId,failure:t}})
return{taskId:e,log:n,startedMs:s,attempts:o,statusCode:i,...a}}(e,t,t.log.task(r),s.resolve)
s.resolve()
const i=await async function finish(e,t){const{log:n,startedMs:r,...s}=e
const o=await async function reach(e,t){const{taskId:n,log:r,failure:s}=e
if(void 0===s)return t.wait?async function waitForEnd(e,{api:t,clock:n,deadline:r},s){const o=new ProgressLines(s,n)
let i
for(let a=500;;a*=1.5){const c=await look(e,t,s)
const u=resolutionOf(c)
if(void 0!==u)return u
if(void 0===i||!isDeadline(c))i=c
o.show(c)
const d=nextPollDelay(c,Math.min(a,1e4),r)
if(d<=0)return notConfirmed(i,r)
await n.sleep(d,r.signal).catch(()=>{})}}(n,t,r):{outcome:"stop-requested"}
const o=t.notRunningSucceeds&&function maySayNotRunning(e){return e instanceof ApiError&&"api-error"===e.kind&&!e.transient&&401!==e.status&&403!==e.status&&!ee.has(e.code)}(s)
return o&&await async function isFinished(e,t,n){try{const{state:r}=await t.status(e,e=>n.attempt(e))
return"checking"!==r&&"unknown"!==r}catch(e){n.line(`Its status could not be read, so the refusal stands: ${errorMessage(e)}`)
return false}}(n,t.api,r)?{outcome:"not-running",failure:s}:{outcome:"failed",failure:s}}(e,t)
const i={...s,failure:void 0,statusError:void 0,...o,durationMs:t.clock.now()-r}
n.end(i)
return i}(o,t)
n(i)
return i}
const o=e.slice(0,1).map(stop)
if(e.length>1)await s.promise
return Promise.all([...o,...e.slice(1).map(stop)])}(s.taskIds,u,e=>n.add(e))}catch(e){if(!(e instanceof RequestError))throw e
n.failRemaining(e)}const u=n.finish({...s,credential:c})
if(s.hasSummary)await n.writeSummary()
return u},{clock:ne,random:Math.random,secrets:de,report:new class Report{#b
#R=new Map
#S=false
constructor(e){this.#b=e}expect(e){for(const t of e)this.#R.set(t,void 0)}add(e){this.#R.set(e.taskId,e)}failRemaining(e){for(const[t,n]of this.#R){if(void 0!==n)continue
this.add({taskId:t,outcome:"failed",statusCode:null,requestId:"",attempts:0,durationMs:0,failure:e,statusError:void 0})}}finish(e){const t=this.#x()
this.#$(outputsOf(t,this.#b))
this.#q(t,e)
const n=t.every(({outcome:e})=>"failed"!==e)
if(!n)this.#N(function annotationText(e,t,n){const r=e.flatMap(({taskId:e,outcome:t,failure:n})=>"failed"===t&&void 0!==n?[{taskId:e,failure:n}]:[])
const s=[...new Set(r.flatMap(({failure:e})=>adviceFor(e,t)??[]))]
const o=4e3-s.join("\n").length-1
const i=n.redact(function failureLines(e,t,n){const[r]=e
if(void 0!==r&&1===e.length)return[resultLine(r,n)]
const s=t.slice(0,10).map(({taskId:e,failure:t})=>`${e}: ${formatError(t,n)}`)
const o=t.length-s.length
return[headline(e),...s,...o>0?[`and ${o} more`]:[]]}(e,r,n).join("\n"))
return[truncate(i,o),...s].join("\n")}(t,e,this.#b))
return n}async writeSummary(){try{await async function writeSummary(e,t){const n=e.filter(({outcome:e})=>"failed"===e)
const r=e.filter(({outcome:e})=>"failed"!==e)
D.emptyBuffer().addHeading(escapeHtml(t.redact(headline(e))),3)
if(e.length<=50)addTable([...n,...r],t)
else{if(n.length>0)addTable(n,t)
if(r.length>0){D.addRaw(`<details><summary>${r.length} others</summary>`)
addTable(r,t)
D.addRaw("</details>").addEOL()}}await D.write()}(this.#x(),this.#b)}catch(e){this.#P(this.#U(`The job summary could not be written: ${errorMessage(e)}`))}}failEarly(e){this.#$(outputsWithoutTasks(e,this.#b))
this.#N(this.#U(e))}failUnexpectedly(e){this.failRemaining(new NetworkError(e,{kind:"other"}))
const t=this.#x()
try{this.#$(0===t.length?outputsWithoutTasks(e,this.#b):outputsOf(t,this.#b))}catch{}if(!this.#S)this.#N(this.#U(e))}#x(){return[...this.#R.values()].filter(e=>void 0!==e)}#$(e){for(const[t,n]of Object.entries(e))setOutput(t,n)}#q(e,t){const n=e.filter(e=>void 0!==e.statusError)
const[r]=n
if(void 0===r?.statusError)return
const s=1===n.length?`scan ${r.taskId}`:`${n.length} scans (${r.taskId}, \u2026)`
const o=formatError(r.statusError,this.#b)
const i=r.statusError instanceof SkippedError?r.statusError.cause:r.statusError
const a=(401===i.status?adviceFor(i,t):void 0)??"Reading it takes the permission codeartscheck:task:get."
this.#P(`The API took the stop request, but the status of ${s} could not be read: ${o}\n${a}`)}#N(e){this.#S=true
!function error(e,t={}){command_issueCommand("error",utils_toCommandProperties(t),e instanceof Error?e.toString():e)}(e,{title:ue})}#P(e){!function warning(e,t={}){command_issueCommand("warning",utils_toCommandProperties(t),e instanceof Error?e.toString():e)}(e,{title:ue})}#U(e){return this.#b.clean(e,1e3)}}(de)},{on:(e,t)=>process.on(e,t),exit:e=>process.exit(e),flush:e=>process.stdout.write("",e)})})()
module.exports={}})()

