// Loaded when first used: see scripts/bundle-text.ts.
const lazy = (load, names) => new Proxy(Object.fromEntries(names.map((name) => [name])), {
	get: (_target, name) => load()[name] });
/******/ (() => { // webpackBootstrap
/******/ 	var __webpack_modules__ = ({

/***/ 770:
/***/ ((module, __unused_webpack_exports, __nccwpck_require__) => {

module.exports = __nccwpck_require__(218);


/***/ }),

/***/ 218:
/***/ ((__unused_webpack_module, exports, __nccwpck_require__) => {

"use strict";
var __webpack_unused_export__;


var net = __nccwpck_require__(278);
var tls = __nccwpck_require__(756);
var http = __nccwpck_require__(611);
var https = __nccwpck_require__(692);
var events = __nccwpck_require__(434);
var assert = __nccwpck_require__(613);
var util = __nccwpck_require__(23);


exports.httpOverHttp = httpOverHttp;
exports.httpsOverHttp = httpsOverHttp;
exports.httpOverHttps = httpOverHttps;
exports.httpsOverHttps = httpsOverHttps;


function httpOverHttp(options) {
  var agent = new TunnelingAgent(options);
  agent.request = http.request;
  return agent;
}

function httpsOverHttp(options) {
  var agent = new TunnelingAgent(options);
  agent.request = http.request;
  agent.createSocket = createSecureSocket;
  agent.defaultPort = 443;
  return agent;
}

function httpOverHttps(options) {
  var agent = new TunnelingAgent(options);
  agent.request = https.request;
  return agent;
}

function httpsOverHttps(options) {
  var agent = new TunnelingAgent(options);
  agent.request = https.request;
  agent.createSocket = createSecureSocket;
  agent.defaultPort = 443;
  return agent;
}


function TunnelingAgent(options) {
  var self = this;
  self.options = options || {};
  self.proxyOptions = self.options.proxy || {};
  self.maxSockets = self.options.maxSockets || http.Agent.defaultMaxSockets;
  self.requests = [];
  self.sockets = [];

  self.on('free', function onFree(socket, host, port, localAddress) {
    var options = toOptions(host, port, localAddress);
    for (var i = 0, len = self.requests.length; i < len; ++i) {
      var pending = self.requests[i];
      if (pending.host === options.host && pending.port === options.port) {
        // Detect the request to connect same origin server,
        // reuse the connection.
        self.requests.splice(i, 1);
        pending.request.onSocket(socket);
        return;
      }
    }
    socket.destroy();
    self.removeSocket(socket);
  });
}
util.inherits(TunnelingAgent, events.EventEmitter);

TunnelingAgent.prototype.addRequest = function addRequest(req, host, port, localAddress) {
  var self = this;
  var options = mergeOptions({request: req}, self.options, toOptions(host, port, localAddress));

  if (self.sockets.length >= this.maxSockets) {
    // We are over limit so we'll add it to the queue.
    self.requests.push(options);
    return;
  }

  // If we are under maxSockets create a new one.
  self.createSocket(options, function(socket) {
    socket.on('free', onFree);
    socket.on('close', onCloseOrRemove);
    socket.on('agentRemove', onCloseOrRemove);
    req.onSocket(socket);

    function onFree() {
      self.emit('free', socket, options);
    }

    function onCloseOrRemove(err) {
      self.removeSocket(socket);
      socket.removeListener('free', onFree);
      socket.removeListener('close', onCloseOrRemove);
      socket.removeListener('agentRemove', onCloseOrRemove);
    }
  });
};

TunnelingAgent.prototype.createSocket = function createSocket(options, cb) {
  var self = this;
  var placeholder = {};
  self.sockets.push(placeholder);

  var connectOptions = mergeOptions({}, self.proxyOptions, {
    method: 'CONNECT',
    path: options.host + ':' + options.port,
    agent: false,
    headers: {
      host: options.host + ':' + options.port
    }
  });
  if (options.localAddress) {
    connectOptions.localAddress = options.localAddress;
  }
  if (connectOptions.proxyAuth) {
    connectOptions.headers = connectOptions.headers || {};
    connectOptions.headers['Proxy-Authorization'] = 'Basic ' +
        new Buffer(connectOptions.proxyAuth).toString('base64');
  }

  debug('making CONNECT request');
  var connectReq = self.request(connectOptions);
  connectReq.useChunkedEncodingByDefault = false; // for v0.6
  connectReq.once('response', onResponse); // for v0.6
  connectReq.once('upgrade', onUpgrade);   // for v0.6
  connectReq.once('connect', onConnect);   // for v0.7 or later
  connectReq.once('error', onError);
  connectReq.end();

  function onResponse(res) {
    // Very hacky. This is necessary to avoid http-parser leaks.
    res.upgrade = true;
  }

  function onUpgrade(res, socket, head) {
    // Hacky.
    process.nextTick(function() {
      onConnect(res, socket, head);
    });
  }

  function onConnect(res, socket, head) {
    connectReq.removeAllListeners();
    socket.removeAllListeners();

    if (res.statusCode !== 200) {
      debug('tunneling socket could not be established, statusCode=%d',
        res.statusCode);
      socket.destroy();
      var error = new Error('tunneling socket could not be established, ' +
        'statusCode=' + res.statusCode);
      error.code = 'ECONNRESET';
      options.request.emit('error', error);
      self.removeSocket(placeholder);
      return;
    }
    if (head.length > 0) {
      debug('got illegal response body from proxy');
      socket.destroy();
      var error = new Error('got illegal response body from proxy');
      error.code = 'ECONNRESET';
      options.request.emit('error', error);
      self.removeSocket(placeholder);
      return;
    }
    debug('tunneling connection has established');
    self.sockets[self.sockets.indexOf(placeholder)] = socket;
    return cb(socket);
  }

  function onError(cause) {
    connectReq.removeAllListeners();

    debug('tunneling socket could not be established, cause=%s\n',
          cause.message, cause.stack);
    var error = new Error('tunneling socket could not be established, ' +
                          'cause=' + cause.message);
    error.code = 'ECONNRESET';
    options.request.emit('error', error);
    self.removeSocket(placeholder);
  }
};

TunnelingAgent.prototype.removeSocket = function removeSocket(socket) {
  var pos = this.sockets.indexOf(socket)
  if (pos === -1) {
    return;
  }
  this.sockets.splice(pos, 1);

  var pending = this.requests.shift();
  if (pending) {
    // If we have pending requests and a socket gets closed a new one
    // needs to be created to take over in the pool for the one that closed.
    this.createSocket(pending, function(socket) {
      pending.request.onSocket(socket);
    });
  }
};

function createSecureSocket(options, cb) {
  var self = this;
  TunnelingAgent.prototype.createSocket.call(self, options, function(socket) {
    var hostHeader = options.request.getHeader('host');
    var tlsOptions = mergeOptions({}, self.options, {
      socket: socket,
      servername: hostHeader ? hostHeader.replace(/:.*$/, '') : options.host
    });

    // 0 is dummy port for v0.6
    var secureSocket = tls.connect(0, tlsOptions);
    self.sockets[self.sockets.indexOf(socket)] = secureSocket;
    cb(secureSocket);
  });
}


function toOptions(host, port, localAddress) {
  if (typeof host === 'string') { // since v0.10
    return {
      host: host,
      port: port,
      localAddress: localAddress
    };
  }
  return host; // for v0.11 or later
}

function mergeOptions(target) {
  for (var i = 1, len = arguments.length; i < len; ++i) {
    var overrides = arguments[i];
    if (typeof overrides === 'object') {
      var keys = Object.keys(overrides);
      for (var j = 0, keyLen = keys.length; j < keyLen; ++j) {
        var k = keys[j];
        if (overrides[k] !== undefined) {
          target[k] = overrides[k];
        }
      }
    }
  }
  return target;
}


var debug;
if (process.env.NODE_DEBUG && /\btunnel\b/.test(process.env.NODE_DEBUG)) {
  debug = function() {
    var args = Array.prototype.slice.call(arguments);
    if (typeof args[0] === 'string') {
      args[0] = 'TUNNEL: ' + args[0];
    } else {
      args.unshift('TUNNEL:');
    }
    console.error.apply(console, args);
  }
} else {
  debug = function() {};
}
__webpack_unused_export__ = debug; // for test


/***/ }),

/***/ 613:
/***/ ((module) => {

"use strict";
module.exports = lazy(() => require("assert"), []);

/***/ }),

/***/ 434:
/***/ ((module) => {

"use strict";
module.exports = require("events");

/***/ }),

/***/ 611:
/***/ ((module) => {

"use strict";
module.exports = require("http");

/***/ }),

/***/ 692:
/***/ ((module) => {

"use strict";
module.exports = lazy(() => require("https"), ["Agent","globalAgent","Server","createServer","get","request"]);

/***/ }),

/***/ 278:
/***/ ((module) => {

"use strict";
module.exports = require("net");

/***/ }),

/***/ 756:
/***/ ((module) => {

"use strict";
module.exports = lazy(() => require("tls"), []);

/***/ }),

/***/ 23:
/***/ ((module) => {

"use strict";
module.exports = require("util");

/***/ })

/******/ 	});
/************************************************************************/
/******/ 	// The module cache
/******/ 	var __webpack_module_cache__ = {};
/******/ 	
/******/ 	// The require function
/******/ 	function __nccwpck_require__(moduleId) {
/******/ 		// Check if module is in cache
/******/ 		var cachedModule = __webpack_module_cache__[moduleId];
/******/ 		if (cachedModule !== undefined) {
/******/ 			return cachedModule.exports;
/******/ 		}
/******/ 		// Create a new module (and put it into the cache)
/******/ 		var module = __webpack_module_cache__[moduleId] = {
/******/ 			// no module.id needed
/******/ 			// no module.loaded needed
/******/ 			exports: {}
/******/ 		};
/******/ 	
/******/ 		// Execute the module function
/******/ 		var threw = true;
/******/ 		try {
/******/ 			__webpack_modules__[moduleId](module, module.exports, __nccwpck_require__);
/******/ 			threw = false;
/******/ 		} finally {
/******/ 			if(threw) delete __webpack_module_cache__[moduleId];
/******/ 		}
/******/ 	
/******/ 		// Return the exports of the module
/******/ 		return module.exports;
/******/ 	}
/******/ 	
/************************************************************************/
/******/ 	/* webpack/runtime/asset-relocator-loader */
/******/ 	if (typeof __nccwpck_require__ !== 'undefined') __nccwpck_require__.ab = __dirname + "/";
/******/ 	
/******/ 	/* webpack/runtime/create fake namespace object */
/******/ 	(() => {
/******/ 		var getProto = Object.getPrototypeOf ? (obj) => (Object.getPrototypeOf(obj)) : (obj) => (obj.__proto__);
/******/ 		var leafPrototypes;
/******/ 		// create a fake namespace object
/******/ 		// mode & 1: value is a module id, require it
/******/ 		// mode & 2: merge all properties of value into the ns
/******/ 		// mode & 4: return value when already ns object
/******/ 		// mode & 16: return value when it's Promise-like
/******/ 		// mode & 8|1: behave like require
/******/ 		__nccwpck_require__.t = function(value, mode) {
/******/ 			if(mode & 1) value = this(value);
/******/ 			if(mode & 8) return value;
/******/ 			if(typeof value === 'object' && value) {
/******/ 				if((mode & 4) && value.__esModule) return value;
/******/ 				if((mode & 16) && typeof value.then === 'function') return value;
/******/ 			}
/******/ 			var ns = Object.create(null);
/******/ 			__nccwpck_require__.r(ns);
/******/ 			var def = {};
/******/ 			leafPrototypes = leafPrototypes || [null, getProto({}), getProto([]), getProto(getProto)];
/******/ 			for(var current = mode & 2 && value; typeof current == 'object' && !~leafPrototypes.indexOf(current); current = getProto(current)) {
/******/ 				Object.getOwnPropertyNames(current).forEach((key) => (def[key] = () => (value[key])));
/******/ 			}
/******/ 			def['default'] = () => (value);
/******/ 			__nccwpck_require__.d(ns, def);
/******/ 			return ns;
/******/ 		};
/******/ 	})();
/******/ 	
/******/ 	/* webpack/runtime/define property getters */
/******/ 	(() => {
/******/ 		// define getter functions for harmony exports
/******/ 		__nccwpck_require__.d = (exports, definition) => {
/******/ 			for(var key in definition) {
/******/ 				if(__nccwpck_require__.o(definition, key) && !__nccwpck_require__.o(exports, key)) {
/******/ 					Object.defineProperty(exports, key, { enumerable: true, get: definition[key] });
/******/ 				}
/******/ 			}
/******/ 		};
/******/ 	})();
/******/ 	
/******/ 	/* webpack/runtime/hasOwnProperty shorthand */
/******/ 	(() => {
/******/ 		__nccwpck_require__.o = (obj, prop) => (Object.prototype.hasOwnProperty.call(obj, prop))
/******/ 	})();
/******/ 	
/******/ 	/* webpack/runtime/make namespace object */
/******/ 	(() => {
/******/ 		// define __esModule on exports
/******/ 		__nccwpck_require__.r = (exports) => {
/******/ 			if(typeof Symbol !== 'undefined' && Symbol.toStringTag) {
/******/ 				Object.defineProperty(exports, Symbol.toStringTag, { value: 'Module' });
/******/ 			}
/******/ 			Object.defineProperty(exports, '__esModule', { value: true });
/******/ 		};
/******/ 	})();
/******/ 	
/************************************************************************/
var __webpack_exports__ = {};
// This entry need to be wrapped in an IIFE because it need to be in strict mode.
(() => {
"use strict";

;// CONCATENATED MODULE: external "node:timers/promises"
const promises_namespaceObject = lazy(() => require("node:timers/promises"), []);
;// CONCATENATED MODULE: ./build/clock.js

const systemClock = {
    now: () => Number(process.hrtime.bigint()) / 1e6,
    date: () => new Date(),
    sleep: (ms, signal) => (0,promises_namespaceObject.setTimeout)(ms, undefined, { signal }),
    after: (ms, callback) => {
        const timer = setTimeout(callback, ms);
        return () => clearTimeout(timer);
    },
};

;// CONCATENATED MODULE: ./build/api-error.js
const SHAPES = [
    { code: 'error_code', message: 'error_msg', refusalsOnly: false },
    { code: 'errorCode', message: 'errorMsg', refusalsOnly: false },
    { code: 'code', message: 'message', refusalsOnly: true },
];
function findApiError(json, refused) {
    if (!isRecord(json))
        return undefined;
    const levels = levelsOf(json);
    for (const shape of SHAPES.filter(({ refusalsOnly }) => refused || !refusalsOnly)) {
        for (const level of levels) {
            const code = level[shape.code];
            const message = textOf(level[shape.message]);
            if (isGiven(code) || (refused && message !== ''))
                return { code: textOf(code), message };
        }
    }
    return undefined;
}
function requestIdIn(json) {
    if (!isRecord(json))
        return '';
    return (levelsOf(json)
        .map((level) => textOf(level['request_id']))
        .find(Boolean) ?? '');
}
function levelsOf(json) {
    return [json, ...Object.values(json).filter(isRecord)];
}
function isRecord(value) {
    return typeof value === 'object' && value !== null;
}
function isGiven(code) {
    return code !== undefined && code !== null && code !== '';
}
function textOf(value) {
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

;// CONCATENATED MODULE: ./build/http/failures.js
class RequestFailure extends Error {
    kind;
    status;
    code;
    requestId;
    transient;
    retryAfterMs;
    constructor(message, details) {
        super(message, { cause: details.cause });
        this.kind = details.kind;
        this.status = details.status ?? null;
        this.code = details.code ?? '';
        this.requestId = details.requestId ?? '';
        this.transient = details.transient ?? false;
        this.retryAfterMs = details.retryAfterMs;
    }
}
class ApiRefusal extends RequestFailure {
    name = 'ApiRefusal';
}
class NoAnswer extends RequestFailure {
    name = 'NoAnswer';
}
class NotSent extends RequestFailure {
    name = 'NotSent';
    refusedCredential;
    constructor(reason, because) {
        super(`Not sent, because ${reason}: ${because.message}`, {
            kind: because.kind,
            code: because.code,
            cause: because,
        });
        this.refusedCredential = because.status === 401;
    }
}

;// CONCATENATED MODULE: ./build/http/retry-after.js
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC_850 = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;
function parseRetryAfter(value, now) {
    const text = value?.trim() ?? '';
    if (/^\d+$/.test(text))
        return Number(text) * 1000;
    const time = parseHttpDate(text);
    return Number.isNaN(time) ? undefined : Math.max(0, time - now.getTime());
}
function parseHttpDate(text) {
    if (IMF_FIXDATE.test(text) || RFC_850.test(text))
        return Date.parse(text);
    return ASCTIME.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}

;// CONCATENATED MODULE: external "node:http"
const external_node_http_namespaceObject = require("node:http");
;// CONCATENATED MODULE: external "node:https"
const external_node_https_namespaceObject = lazy(() => require("node:https"), ["Agent","globalAgent","Server","createServer","get","request"]);
;// CONCATENATED MODULE: external "node:net"
const external_node_net_namespaceObject = require("node:net");
;// CONCATENATED MODULE: external "node:url"
const external_node_url_namespaceObject = require("node:url");
// EXTERNAL MODULE: external "http"
var external_http_ = __nccwpck_require__(611);
var external_http_namespaceObject = /*#__PURE__*/__nccwpck_require__.t(external_http_, 2);
// EXTERNAL MODULE: external "https"
var external_https_ = __nccwpck_require__(692);
var external_https_namespaceObject = /*#__PURE__*/__nccwpck_require__.t(external_https_, 2);
;// CONCATENATED MODULE: ./node_modules/@actions/http-client/lib/proxy.js
function getProxyUrl(reqUrl) {
    const usingSsl = reqUrl.protocol === 'https:';
    if (checkBypass(reqUrl)) {
        return undefined;
    }
    const proxyVar = (() => {
        if (usingSsl) {
            return process.env['https_proxy'] || process.env['HTTPS_PROXY'];
        }
        else {
            return process.env['http_proxy'] || process.env['HTTP_PROXY'];
        }
    })();
    if (proxyVar) {
        try {
            return new DecodedURL(proxyVar);
        }
        catch (_a) {
            if (!proxyVar.startsWith('http://') && !proxyVar.startsWith('https://'))
                return new DecodedURL(`http://${proxyVar}`);
        }
    }
    else {
        return undefined;
    }
}
function checkBypass(reqUrl) {
    if (!reqUrl.hostname) {
        return false;
    }
    const reqHost = reqUrl.hostname;
    if (isLoopbackAddress(reqHost)) {
        return true;
    }
    const noProxy = process.env['no_proxy'] || process.env['NO_PROXY'] || '';
    if (!noProxy) {
        return false;
    }
    // Determine the request port
    let reqPort;
    if (reqUrl.port) {
        reqPort = Number(reqUrl.port);
    }
    else if (reqUrl.protocol === 'http:') {
        reqPort = 80;
    }
    else if (reqUrl.protocol === 'https:') {
        reqPort = 443;
    }
    // Format the request hostname and hostname with port
    const upperReqHosts = [reqUrl.hostname.toUpperCase()];
    if (typeof reqPort === 'number') {
        upperReqHosts.push(`${upperReqHosts[0]}:${reqPort}`);
    }
    // Compare request host against noproxy
    for (const upperNoProxyItem of noProxy
        .split(',')
        .map(x => x.trim().toUpperCase())
        .filter(x => x)) {
        if (upperNoProxyItem === '*' ||
            upperReqHosts.some(x => x === upperNoProxyItem ||
                x.endsWith(`.${upperNoProxyItem}`) ||
                (upperNoProxyItem.startsWith('.') &&
                    x.endsWith(`${upperNoProxyItem}`)))) {
            return true;
        }
    }
    return false;
}
function isLoopbackAddress(host) {
    const hostLower = host.toLowerCase();
    return (hostLower === 'localhost' ||
        hostLower.startsWith('127.') ||
        hostLower.startsWith('[::1]') ||
        hostLower.startsWith('[0:0:0:0:0:0:0:1]'));
}
class DecodedURL extends URL {
    constructor(url, base) {
        super(url, base);
        this._decodedUsername = decodeURIComponent(super.username);
        this._decodedPassword = decodeURIComponent(super.password);
    }
    get username() {
        return this._decodedUsername;
    }
    get password() {
        return this._decodedPassword;
    }
}
//# sourceMappingURL=proxy.js.map
// EXTERNAL MODULE: ./node_modules/tunnel/index.js
var tunnel = __nccwpck_require__(770);
;// CONCATENATED MODULE: ./stubs/undici/index.js
// @actions/http-client imports undici for one method, getAgentDispatcher, which is not used here, and
// undici is ten times as large as everything else that is bundled: package.json puts this in its
// place. Whoever comes to need the real one learns it from this error.
class ProxyAgent {
  constructor() {
    throw new Error('undici is not bundled: see stubs/undici');
  }
}

;// CONCATENATED MODULE: ./node_modules/@actions/http-client/lib/index.js
/* eslint-disable @typescript-eslint/no-explicit-any */
var __awaiter = (undefined && undefined.__awaiter) || function (thisArg, _arguments, P, generator) {
    function adopt(value) { return value instanceof P ? value : new P(function (resolve) { resolve(value); }); }
    return new (P || (P = Promise))(function (resolve, reject) {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator["throw"](value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
    });
};





var HttpCodes;
(function (HttpCodes) {
    HttpCodes[HttpCodes["OK"] = 200] = "OK";
    HttpCodes[HttpCodes["MultipleChoices"] = 300] = "MultipleChoices";
    HttpCodes[HttpCodes["MovedPermanently"] = 301] = "MovedPermanently";
    HttpCodes[HttpCodes["ResourceMoved"] = 302] = "ResourceMoved";
    HttpCodes[HttpCodes["SeeOther"] = 303] = "SeeOther";
    HttpCodes[HttpCodes["NotModified"] = 304] = "NotModified";
    HttpCodes[HttpCodes["UseProxy"] = 305] = "UseProxy";
    HttpCodes[HttpCodes["SwitchProxy"] = 306] = "SwitchProxy";
    HttpCodes[HttpCodes["TemporaryRedirect"] = 307] = "TemporaryRedirect";
    HttpCodes[HttpCodes["PermanentRedirect"] = 308] = "PermanentRedirect";
    HttpCodes[HttpCodes["BadRequest"] = 400] = "BadRequest";
    HttpCodes[HttpCodes["Unauthorized"] = 401] = "Unauthorized";
    HttpCodes[HttpCodes["PaymentRequired"] = 402] = "PaymentRequired";
    HttpCodes[HttpCodes["Forbidden"] = 403] = "Forbidden";
    HttpCodes[HttpCodes["NotFound"] = 404] = "NotFound";
    HttpCodes[HttpCodes["MethodNotAllowed"] = 405] = "MethodNotAllowed";
    HttpCodes[HttpCodes["NotAcceptable"] = 406] = "NotAcceptable";
    HttpCodes[HttpCodes["ProxyAuthenticationRequired"] = 407] = "ProxyAuthenticationRequired";
    HttpCodes[HttpCodes["RequestTimeout"] = 408] = "RequestTimeout";
    HttpCodes[HttpCodes["Conflict"] = 409] = "Conflict";
    HttpCodes[HttpCodes["Gone"] = 410] = "Gone";
    HttpCodes[HttpCodes["TooManyRequests"] = 429] = "TooManyRequests";
    HttpCodes[HttpCodes["InternalServerError"] = 500] = "InternalServerError";
    HttpCodes[HttpCodes["NotImplemented"] = 501] = "NotImplemented";
    HttpCodes[HttpCodes["BadGateway"] = 502] = "BadGateway";
    HttpCodes[HttpCodes["ServiceUnavailable"] = 503] = "ServiceUnavailable";
    HttpCodes[HttpCodes["GatewayTimeout"] = 504] = "GatewayTimeout";
})(HttpCodes || (HttpCodes = {}));
var Headers;
(function (Headers) {
    Headers["Accept"] = "accept";
    Headers["ContentType"] = "content-type";
})(Headers || (Headers = {}));
var MediaTypes;
(function (MediaTypes) {
    MediaTypes["ApplicationJson"] = "application/json";
})(MediaTypes || (MediaTypes = {}));
/**
 * Returns the proxy URL, depending upon the supplied url and proxy environment variables.
 * @param serverUrl  The server URL where the request will be sent. For example, https://api.github.com
 */
function lib_getProxyUrl(serverUrl) {
    const proxyUrl = getProxyUrl(new URL(serverUrl));
    return proxyUrl ? proxyUrl.href : '';
}
const HttpRedirectCodes = [
    HttpCodes.MovedPermanently,
    HttpCodes.ResourceMoved,
    HttpCodes.SeeOther,
    HttpCodes.TemporaryRedirect,
    HttpCodes.PermanentRedirect
];
const HttpResponseRetryCodes = [
    HttpCodes.BadGateway,
    HttpCodes.ServiceUnavailable,
    HttpCodes.GatewayTimeout
];
const RetryableHttpVerbs = ['OPTIONS', 'GET', 'DELETE', 'HEAD'];
const ExponentialBackoffCeiling = 10;
const ExponentialBackoffTimeSlice = 5;
class HttpClientError extends Error {
    constructor(message, statusCode) {
        super(message);
        this.name = 'HttpClientError';
        this.statusCode = statusCode;
        Object.setPrototypeOf(this, HttpClientError.prototype);
    }
}
class HttpClientResponse {
    constructor(message) {
        this.message = message;
    }
    readBody() {
        return __awaiter(this, void 0, void 0, function* () {
            return new Promise((resolve) => __awaiter(this, void 0, void 0, function* () {
                let output = Buffer.alloc(0);
                this.message.on('data', (chunk) => {
                    output = Buffer.concat([output, chunk]);
                });
                this.message.on('end', () => {
                    resolve(output.toString());
                });
            }));
        });
    }
    readBodyBuffer() {
        return __awaiter(this, void 0, void 0, function* () {
            return new Promise((resolve) => __awaiter(this, void 0, void 0, function* () {
                const chunks = [];
                this.message.on('data', (chunk) => {
                    chunks.push(chunk);
                });
                this.message.on('end', () => {
                    resolve(Buffer.concat(chunks));
                });
            }));
        });
    }
}
function isHttps(requestUrl) {
    const parsedUrl = new URL(requestUrl);
    return parsedUrl.protocol === 'https:';
}
class HttpClient {
    constructor(userAgent, handlers, requestOptions) {
        this._ignoreSslError = false;
        this._allowRedirects = true;
        this._allowRedirectDowngrade = false;
        this._maxRedirects = 50;
        this._allowRetries = false;
        this._maxRetries = 1;
        this._keepAlive = false;
        this._disposed = false;
        this.userAgent = this._getUserAgentWithOrchestrationId(userAgent);
        this.handlers = handlers || [];
        this.requestOptions = requestOptions;
        if (requestOptions) {
            if (requestOptions.ignoreSslError != null) {
                this._ignoreSslError = requestOptions.ignoreSslError;
            }
            this._socketTimeout = requestOptions.socketTimeout;
            if (requestOptions.allowRedirects != null) {
                this._allowRedirects = requestOptions.allowRedirects;
            }
            if (requestOptions.allowRedirectDowngrade != null) {
                this._allowRedirectDowngrade = requestOptions.allowRedirectDowngrade;
            }
            if (requestOptions.maxRedirects != null) {
                this._maxRedirects = Math.max(requestOptions.maxRedirects, 0);
            }
            if (requestOptions.keepAlive != null) {
                this._keepAlive = requestOptions.keepAlive;
            }
            if (requestOptions.allowRetries != null) {
                this._allowRetries = requestOptions.allowRetries;
            }
            if (requestOptions.maxRetries != null) {
                this._maxRetries = requestOptions.maxRetries;
            }
        }
    }
    options(requestUrl, additionalHeaders) {
        return __awaiter(this, void 0, void 0, function* () {
            return this.request('OPTIONS', requestUrl, null, additionalHeaders || {});
        });
    }
    get(requestUrl, additionalHeaders) {
        return __awaiter(this, void 0, void 0, function* () {
            return this.request('GET', requestUrl, null, additionalHeaders || {});
        });
    }
    del(requestUrl, additionalHeaders) {
        return __awaiter(this, void 0, void 0, function* () {
            return this.request('DELETE', requestUrl, null, additionalHeaders || {});
        });
    }
    post(requestUrl, data, additionalHeaders) {
        return __awaiter(this, void 0, void 0, function* () {
            return this.request('POST', requestUrl, data, additionalHeaders || {});
        });
    }
    patch(requestUrl, data, additionalHeaders) {
        return __awaiter(this, void 0, void 0, function* () {
            return this.request('PATCH', requestUrl, data, additionalHeaders || {});
        });
    }
    put(requestUrl, data, additionalHeaders) {
        return __awaiter(this, void 0, void 0, function* () {
            return this.request('PUT', requestUrl, data, additionalHeaders || {});
        });
    }
    head(requestUrl, additionalHeaders) {
        return __awaiter(this, void 0, void 0, function* () {
            return this.request('HEAD', requestUrl, null, additionalHeaders || {});
        });
    }
    sendStream(verb, requestUrl, stream, additionalHeaders) {
        return __awaiter(this, void 0, void 0, function* () {
            return this.request(verb, requestUrl, stream, additionalHeaders);
        });
    }
    /**
     * Gets a typed object from an endpoint
     * Be aware that not found returns a null.  Other errors (4xx, 5xx) reject the promise
     */
    getJson(requestUrl_1) {
        return __awaiter(this, arguments, void 0, function* (requestUrl, additionalHeaders = {}) {
            additionalHeaders[Headers.Accept] = this._getExistingOrDefaultHeader(additionalHeaders, Headers.Accept, MediaTypes.ApplicationJson);
            const res = yield this.get(requestUrl, additionalHeaders);
            return this._processResponse(res, this.requestOptions);
        });
    }
    postJson(requestUrl_1, obj_1) {
        return __awaiter(this, arguments, void 0, function* (requestUrl, obj, additionalHeaders = {}) {
            const data = JSON.stringify(obj, null, 2);
            additionalHeaders[Headers.Accept] = this._getExistingOrDefaultHeader(additionalHeaders, Headers.Accept, MediaTypes.ApplicationJson);
            additionalHeaders[Headers.ContentType] =
                this._getExistingOrDefaultContentTypeHeader(additionalHeaders, MediaTypes.ApplicationJson);
            const res = yield this.post(requestUrl, data, additionalHeaders);
            return this._processResponse(res, this.requestOptions);
        });
    }
    putJson(requestUrl_1, obj_1) {
        return __awaiter(this, arguments, void 0, function* (requestUrl, obj, additionalHeaders = {}) {
            const data = JSON.stringify(obj, null, 2);
            additionalHeaders[Headers.Accept] = this._getExistingOrDefaultHeader(additionalHeaders, Headers.Accept, MediaTypes.ApplicationJson);
            additionalHeaders[Headers.ContentType] =
                this._getExistingOrDefaultContentTypeHeader(additionalHeaders, MediaTypes.ApplicationJson);
            const res = yield this.put(requestUrl, data, additionalHeaders);
            return this._processResponse(res, this.requestOptions);
        });
    }
    patchJson(requestUrl_1, obj_1) {
        return __awaiter(this, arguments, void 0, function* (requestUrl, obj, additionalHeaders = {}) {
            const data = JSON.stringify(obj, null, 2);
            additionalHeaders[Headers.Accept] = this._getExistingOrDefaultHeader(additionalHeaders, Headers.Accept, MediaTypes.ApplicationJson);
            additionalHeaders[Headers.ContentType] =
                this._getExistingOrDefaultContentTypeHeader(additionalHeaders, MediaTypes.ApplicationJson);
            const res = yield this.patch(requestUrl, data, additionalHeaders);
            return this._processResponse(res, this.requestOptions);
        });
    }
    /**
     * Makes a raw http request.
     * All other methods such as get, post, patch, and request ultimately call this.
     * Prefer get, del, post and patch
     */
    request(verb, requestUrl, data, headers) {
        return __awaiter(this, void 0, void 0, function* () {
            if (this._disposed) {
                throw new Error('Client has already been disposed.');
            }
            const parsedUrl = new URL(requestUrl);
            let info = this._prepareRequest(verb, parsedUrl, headers);
            // Only perform retries on reads since writes may not be idempotent.
            const maxTries = this._allowRetries && RetryableHttpVerbs.includes(verb)
                ? this._maxRetries + 1
                : 1;
            let numTries = 0;
            let response;
            do {
                response = yield this.requestRaw(info, data);
                // Check if it's an authentication challenge
                if (response &&
                    response.message &&
                    response.message.statusCode === HttpCodes.Unauthorized) {
                    let authenticationHandler;
                    for (const handler of this.handlers) {
                        if (handler.canHandleAuthentication(response)) {
                            authenticationHandler = handler;
                            break;
                        }
                    }
                    if (authenticationHandler) {
                        return authenticationHandler.handleAuthentication(this, info, data);
                    }
                    else {
                        // We have received an unauthorized response but have no handlers to handle it.
                        // Let the response return to the caller.
                        return response;
                    }
                }
                let redirectsRemaining = this._maxRedirects;
                while (response.message.statusCode &&
                    HttpRedirectCodes.includes(response.message.statusCode) &&
                    this._allowRedirects &&
                    redirectsRemaining > 0) {
                    const redirectUrl = response.message.headers['location'];
                    if (!redirectUrl) {
                        // if there's no location to redirect to, we won't
                        break;
                    }
                    const parsedRedirectUrl = new URL(redirectUrl);
                    if (parsedUrl.protocol === 'https:' &&
                        parsedUrl.protocol !== parsedRedirectUrl.protocol &&
                        !this._allowRedirectDowngrade) {
                        throw new Error('Redirect from HTTPS to HTTP protocol. This downgrade is not allowed for security reasons. If you want to allow this behavior, set the allowRedirectDowngrade option to true.');
                    }
                    // we need to finish reading the response before reassigning response
                    // which will leak the open socket.
                    yield response.readBody();
                    // strip authorization header if redirected to a different hostname
                    if (parsedRedirectUrl.hostname !== parsedUrl.hostname) {
                        for (const header in headers) {
                            // header names are case insensitive
                            if (header.toLowerCase() === 'authorization') {
                                delete headers[header];
                            }
                        }
                    }
                    // let's make the request with the new redirectUrl
                    info = this._prepareRequest(verb, parsedRedirectUrl, headers);
                    response = yield this.requestRaw(info, data);
                    redirectsRemaining--;
                }
                if (!response.message.statusCode ||
                    !HttpResponseRetryCodes.includes(response.message.statusCode)) {
                    // If not a retry code, return immediately instead of retrying
                    return response;
                }
                numTries += 1;
                if (numTries < maxTries) {
                    yield response.readBody();
                    yield this._performExponentialBackoff(numTries);
                }
            } while (numTries < maxTries);
            return response;
        });
    }
    /**
     * Needs to be called if keepAlive is set to true in request options.
     */
    dispose() {
        if (this._agent) {
            this._agent.destroy();
        }
        this._disposed = true;
    }
    /**
     * Raw request.
     * @param info
     * @param data
     */
    requestRaw(info, data) {
        return __awaiter(this, void 0, void 0, function* () {
            return new Promise((resolve, reject) => {
                function callbackForResult(err, res) {
                    if (err) {
                        reject(err);
                    }
                    else if (!res) {
                        // If `err` is not passed, then `res` must be passed.
                        reject(new Error('Unknown error'));
                    }
                    else {
                        resolve(res);
                    }
                }
                this.requestRawWithCallback(info, data, callbackForResult);
            });
        });
    }
    /**
     * Raw request with callback.
     * @param info
     * @param data
     * @param onResult
     */
    requestRawWithCallback(info, data, onResult) {
        if (typeof data === 'string') {
            if (!info.options.headers) {
                info.options.headers = {};
            }
            info.options.headers['Content-Length'] = Buffer.byteLength(data, 'utf8');
        }
        let callbackCalled = false;
        function handleResult(err, res) {
            if (!callbackCalled) {
                callbackCalled = true;
                onResult(err, res);
            }
        }
        const req = info.httpModule.request(info.options, (msg) => {
            const res = new HttpClientResponse(msg);
            handleResult(undefined, res);
        });
        let socket;
        req.on('socket', sock => {
            socket = sock;
        });
        // If we ever get disconnected, we want the socket to timeout eventually
        req.setTimeout(this._socketTimeout || 3 * 60000, () => {
            if (socket) {
                socket.end();
            }
            handleResult(new Error(`Request timeout: ${info.options.path}`));
        });
        req.on('error', function (err) {
            // err has statusCode property
            // res should have headers
            handleResult(err);
        });
        if (data && typeof data === 'string') {
            req.write(data, 'utf8');
        }
        if (data && typeof data !== 'string') {
            data.on('close', function () {
                req.end();
            });
            data.pipe(req);
        }
        else {
            req.end();
        }
    }
    /**
     * Gets an http agent. This function is useful when you need an http agent that handles
     * routing through a proxy server - depending upon the url and proxy environment variables.
     * @param serverUrl  The server URL where the request will be sent. For example, https://api.github.com
     */
    getAgent(serverUrl) {
        const parsedUrl = new URL(serverUrl);
        return this._getAgent(parsedUrl);
    }
    getAgentDispatcher(serverUrl) {
        const parsedUrl = new URL(serverUrl);
        const proxyUrl = getProxyUrl(parsedUrl);
        const useProxy = proxyUrl && proxyUrl.hostname;
        if (!useProxy) {
            return;
        }
        return this._getProxyAgentDispatcher(parsedUrl, proxyUrl);
    }
    _prepareRequest(method, requestUrl, headers) {
        const info = {};
        info.parsedUrl = requestUrl;
        const usingSsl = info.parsedUrl.protocol === 'https:';
        info.httpModule = usingSsl ? external_https_namespaceObject : external_http_namespaceObject;
        const defaultPort = usingSsl ? 443 : 80;
        info.options = {};
        info.options.host = info.parsedUrl.hostname;
        info.options.port = info.parsedUrl.port
            ? parseInt(info.parsedUrl.port)
            : defaultPort;
        info.options.path =
            (info.parsedUrl.pathname || '') + (info.parsedUrl.search || '');
        info.options.method = method;
        info.options.headers = this._mergeHeaders(headers);
        if (this.userAgent != null) {
            info.options.headers['user-agent'] = this.userAgent;
        }
        info.options.agent = this._getAgent(info.parsedUrl);
        // gives handlers an opportunity to participate
        if (this.handlers) {
            for (const handler of this.handlers) {
                handler.prepareRequest(info.options);
            }
        }
        return info;
    }
    _mergeHeaders(headers) {
        if (this.requestOptions && this.requestOptions.headers) {
            return Object.assign({}, lowercaseKeys(this.requestOptions.headers), lowercaseKeys(headers || {}));
        }
        return lowercaseKeys(headers || {});
    }
    /**
     * Gets an existing header value or returns a default.
     * Handles converting number header values to strings since HTTP headers must be strings.
     * Note: This returns string | string[] since some headers can have multiple values.
     * For headers that must always be a single string (like Content-Type), use the
     * specialized _getExistingOrDefaultContentTypeHeader method instead.
     */
    _getExistingOrDefaultHeader(additionalHeaders, header, _default) {
        let clientHeader;
        if (this.requestOptions && this.requestOptions.headers) {
            const headerValue = lowercaseKeys(this.requestOptions.headers)[header];
            if (headerValue) {
                clientHeader =
                    typeof headerValue === 'number' ? headerValue.toString() : headerValue;
            }
        }
        const additionalValue = additionalHeaders[header];
        if (additionalValue !== undefined) {
            return typeof additionalValue === 'number'
                ? additionalValue.toString()
                : additionalValue;
        }
        if (clientHeader !== undefined) {
            return clientHeader;
        }
        return _default;
    }
    /**
     * Specialized version of _getExistingOrDefaultHeader for Content-Type header.
     * Always returns a single string (not an array) since Content-Type should be a single value.
     * Converts arrays to comma-separated strings and numbers to strings to ensure type safety.
     * This was split from _getExistingOrDefaultHeader to provide stricter typing for callers
     * that assign the result to places expecting a string (e.g., additionalHeaders[Headers.ContentType]).
     */
    _getExistingOrDefaultContentTypeHeader(additionalHeaders, _default) {
        let clientHeader;
        if (this.requestOptions && this.requestOptions.headers) {
            const headerValue = lowercaseKeys(this.requestOptions.headers)[Headers.ContentType];
            if (headerValue) {
                if (typeof headerValue === 'number') {
                    clientHeader = String(headerValue);
                }
                else if (Array.isArray(headerValue)) {
                    clientHeader = headerValue.join(', ');
                }
                else {
                    clientHeader = headerValue;
                }
            }
        }
        const additionalValue = additionalHeaders[Headers.ContentType];
        // Return the first non-undefined value, converting numbers or arrays to strings if necessary
        if (additionalValue !== undefined) {
            if (typeof additionalValue === 'number') {
                return String(additionalValue);
            }
            else if (Array.isArray(additionalValue)) {
                return additionalValue.join(', ');
            }
            else {
                return additionalValue;
            }
        }
        if (clientHeader !== undefined) {
            return clientHeader;
        }
        return _default;
    }
    _getAgent(parsedUrl) {
        let agent;
        const proxyUrl = getProxyUrl(parsedUrl);
        const useProxy = proxyUrl && proxyUrl.hostname;
        if (this._keepAlive && useProxy) {
            agent = this._proxyAgent;
        }
        if (!useProxy) {
            agent = this._agent;
        }
        // if agent is already assigned use that agent.
        if (agent) {
            return agent;
        }
        const usingSsl = parsedUrl.protocol === 'https:';
        let maxSockets = 100;
        if (this.requestOptions) {
            maxSockets = this.requestOptions.maxSockets || external_http_.globalAgent.maxSockets;
        }
        // This is `useProxy` again, but we need to check `proxyURl` directly for TypeScripts's flow analysis.
        if (proxyUrl && proxyUrl.hostname) {
            const agentOptions = {
                maxSockets,
                keepAlive: this._keepAlive,
                proxy: Object.assign(Object.assign({}, ((proxyUrl.username || proxyUrl.password) && {
                    proxyAuth: `${proxyUrl.username}:${proxyUrl.password}`
                })), { host: proxyUrl.hostname, port: proxyUrl.port })
            };
            let tunnelAgent;
            const overHttps = proxyUrl.protocol === 'https:';
            if (usingSsl) {
                tunnelAgent = overHttps ? tunnel.httpsOverHttps : tunnel.httpsOverHttp;
            }
            else {
                tunnelAgent = overHttps ? tunnel.httpOverHttps : tunnel.httpOverHttp;
            }
            agent = tunnelAgent(agentOptions);
            this._proxyAgent = agent;
        }
        // if tunneling agent isn't assigned create a new agent
        if (!agent) {
            const options = { keepAlive: this._keepAlive, maxSockets };
            agent = usingSsl ? new external_https_.Agent(options) : new external_http_.Agent(options);
            this._agent = agent;
        }
        if (usingSsl && this._ignoreSslError) {
            // we don't want to set NODE_TLS_REJECT_UNAUTHORIZED=0 since that will affect request for entire process
            // http.RequestOptions doesn't expose a way to modify RequestOptions.agent.options
            // we have to cast it to any and change it directly
            agent.options = Object.assign(agent.options || {}, {
                rejectUnauthorized: false
            });
        }
        return agent;
    }
    _getProxyAgentDispatcher(parsedUrl, proxyUrl) {
        let proxyAgent;
        if (this._keepAlive) {
            proxyAgent = this._proxyAgentDispatcher;
        }
        // if agent is already assigned use that agent.
        if (proxyAgent) {
            return proxyAgent;
        }
        const usingSsl = parsedUrl.protocol === 'https:';
        proxyAgent = new ProxyAgent(Object.assign({ uri: proxyUrl.href, pipelining: !this._keepAlive ? 0 : 1 }, ((proxyUrl.username || proxyUrl.password) && {
            token: `Basic ${Buffer.from(`${proxyUrl.username}:${proxyUrl.password}`).toString('base64')}`
        })));
        this._proxyAgentDispatcher = proxyAgent;
        if (usingSsl && this._ignoreSslError) {
            // we don't want to set NODE_TLS_REJECT_UNAUTHORIZED=0 since that will affect request for entire process
            // http.RequestOptions doesn't expose a way to modify RequestOptions.agent.options
            // we have to cast it to any and change it directly
            proxyAgent.options = Object.assign(proxyAgent.options.requestTls || {}, {
                rejectUnauthorized: false
            });
        }
        return proxyAgent;
    }
    _getUserAgentWithOrchestrationId(userAgent) {
        const baseUserAgent = userAgent || 'actions/http-client';
        const orchId = process.env['ACTIONS_ORCHESTRATION_ID'];
        if (orchId) {
            // Sanitize the orchestration ID to ensure it contains only valid characters
            // Valid characters: 0-9, a-z, _, -, .
            const sanitizedId = orchId.replace(/[^a-z0-9_.-]/gi, '_');
            return `${baseUserAgent} actions_orchestration_id/${sanitizedId}`;
        }
        return baseUserAgent;
    }
    _performExponentialBackoff(retryNumber) {
        return __awaiter(this, void 0, void 0, function* () {
            retryNumber = Math.min(ExponentialBackoffCeiling, retryNumber);
            const ms = ExponentialBackoffTimeSlice * Math.pow(2, retryNumber);
            return new Promise(resolve => setTimeout(() => resolve(), ms));
        });
    }
    _processResponse(res, options) {
        return __awaiter(this, void 0, void 0, function* () {
            return new Promise((resolve, reject) => __awaiter(this, void 0, void 0, function* () {
                const statusCode = res.message.statusCode || 0;
                const response = {
                    statusCode,
                    result: null,
                    headers: {}
                };
                // not found leads to null obj returned
                if (statusCode === HttpCodes.NotFound) {
                    resolve(response);
                }
                // get the result from the body
                function dateTimeDeserializer(key, value) {
                    if (typeof value === 'string') {
                        const a = new Date(value);
                        if (!isNaN(a.valueOf())) {
                            return a;
                        }
                    }
                    return value;
                }
                let obj;
                let contents;
                try {
                    contents = yield res.readBody();
                    if (contents && contents.length > 0) {
                        if (options && options.deserializeDates) {
                            obj = JSON.parse(contents, dateTimeDeserializer);
                        }
                        else {
                            obj = JSON.parse(contents);
                        }
                        response.result = obj;
                    }
                    response.headers = res.message.headers;
                }
                catch (err) {
                    // Invalid resource (contents not json);  leaving result obj null
                }
                // note that 3xx redirects are handled by the http layer.
                if (statusCode > 299) {
                    let msg;
                    // if exception/error in body, attempt to get better error
                    if (obj && obj.message) {
                        msg = obj.message;
                    }
                    else if (contents && contents.length > 0) {
                        // it may be the case that the exception is in the body message as string
                        msg = contents;
                    }
                    else {
                        msg = `Failed request: (${statusCode})`;
                    }
                    const err = new HttpClientError(msg, statusCode);
                    err.result = response.result;
                    reject(err);
                }
                else {
                    resolve(response);
                }
            }));
        });
    }
}
const lowercaseKeys = (obj) => Object.keys(obj).reduce((c, k) => ((c[k.toLowerCase()] = obj[k]), c), {});
//# sourceMappingURL=index.js.map
;// CONCATENATED MODULE: ./build/until-aborted.js
function untilAborted(promise, signal) {
    return new Promise((resolve, reject) => {
        const abort = () => reject(signal.reason);
        if (signal.aborted)
            abort();
        signal.addEventListener('abort', abort, { once: true });
        promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
}

;// CONCATENATED MODULE: ./build/version.js
const VERSION = '1.0.0';
const USER_AGENT = `stop-codearts-check-task/${VERSION}`;

;// CONCATENATED MODULE: external "node:util"
const external_node_util_namespaceObject = require("node:util");
;// CONCATENATED MODULE: ./build/http/connection-error.js


const RESET = { kind: 'reset', transient: true, sentence: 'reset the connection' };
const UNREACHABLE = { kind: 'unreachable', sentence: 'cannot be reached' };
const NOT_FOUND = { kind: 'host-not-found', sentence: 'was not found' };
const UNKNOWN_ISSUER = {
    kind: 'certificate',
    sentence: 'shows a certificate of an unknown authority',
};
const CAUSES = new Map([
    ['ENOTFOUND', NOT_FOUND],
    ['EAI_AGAIN', { ...NOT_FOUND, sentence: 'was not found: name resolution failed' }],
    ['ECONNREFUSED', { kind: 'refused', sentence: 'refused the connection' }],
    ['ECONNRESET', RESET],
    ['EPIPE', RESET],
    ['ETIMEDOUT', { kind: 'timeout', transient: true, sentence: 'did not answer in time' }],
    ['EHOSTUNREACH', UNREACHABLE],
    ['ENETUNREACH', UNREACHABLE],
    ['EADDRNOTAVAIL', UNREACHABLE],
    ['CERT_HAS_EXPIRED', { kind: 'certificate', sentence: 'shows an expired certificate' }],
    ['CERT_NOT_YET_VALID', { kind: 'certificate', sentence: 'shows a certificate of the future' }],
    [
        'ERR_TLS_CERT_ALTNAME_INVALID',
        { kind: 'certificate', sentence: 'shows the certificate of another name' },
    ],
    [
        'DEPTH_ZERO_SELF_SIGNED_CERT',
        { kind: 'certificate', sentence: 'shows a self-signed certificate' },
    ],
    ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_ISSUER],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_ISSUER],
    ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_ISSUER],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_ISSUER],
]);
const FAMILIES = [
    [/^HPE_/, { kind: 'not-http', sentence: 'did not answer in HTTP' }],
    [/^(EPROTO|ERR_SSL_|ERR_TLS_)/, { kind: 'tls', sentence: 'could not agree on TLS' }],
    [
        /^(CERT_|CRL_|UNABLE_TO_|INVALID_|HOSTNAME_MISMATCH)/,
        { kind: 'certificate', sentence: 'shows a certificate that cannot be verified' },
    ],
];
function connectionError(error, route) {
    return proxyError(error, route) ?? hostError(error, route);
}
function hostError(error, route) {
    const codes = errorCodes(error);
    const code = codes.find((one) => causeOf(one)?.kind === 'refused') ??
        codes.find((one) => causeOf(one)?.transient) ??
        codes[0] ??
        '';
    const cause = causeOf(code) ?? { kind: 'other', sentence: `gave no answer: ${errorText(error)}` };
    const suffix = code === '' ? '' : ` (${[...new Set(codes)].join(', ')})`;
    return new NoAnswer(`The host ${route.host} ${cause.sentence}${suffix}`, {
        ...cause,
        cause: error,
    });
}
function causeOf(code) {
    return CAUSES.get(code) ?? FAMILIES.find(([family]) => family.test(code))?.[1];
}
function errorCodes(error) {
    const errors = error instanceof AggregateError ? error.errors : [error];
    return errors.flatMap((one) => one instanceof Error && 'code' in one && typeof one.code === 'string' ? [one.code] : []);
}
function errorText(error) {
    if (error instanceof Error)
        return error.message || error.name;
    return typeof error === 'string' ? error : (0,external_node_util_namespaceObject.inspect)(error);
}
const TUNNEL = /^tunneling socket could not be established, (?:statusCode=(\d+)|cause=(.*))$/s;
function proxyError(error, route) {
    const match = route.proxy === undefined ? null : TUNNEL.exec(errorText(error));
    if (match === null)
        return undefined;
    const [, status, cause] = match;
    if (status === '407') {
        return new NoAnswer(`The proxy ${route.proxy} asks for a user and a password (HTTP 407)`, {
            kind: 'proxy-password',
            cause: error,
        });
    }
    const why = status === undefined
        ? `cannot be used: ${cause}`
        : `refused to connect to ${route.host} (HTTP ${status})`;
    return new NoAnswer(`The proxy ${route.proxy} ${why}`, { kind: 'proxy', cause: error });
}

;// CONCATENATED MODULE: ./build/http/transport.js









const MAX_CONNECTIONS = 16;
const MAX_ANSWER_BYTES = 64 * 1024;
const ATTEMPT_TIMEOUT_MS = 20_000;
const ADDRESS_TIMEOUT_MS = 5_000;
class Transport {
    #deadline;
    #clock;
    #clients = new Map();
    constructor(deadline, clock) {
        this.#deadline = deadline;
        this.#clock = clock;
        (0,external_node_net_namespaceObject.setDefaultAutoSelectFamilyAttemptTimeout)(ADDRESS_TIMEOUT_MS);
    }
    async send(request) {
        const attempt = new AbortController();
        const deadline = this.#deadline.signal;
        const end = () => attempt.abort();
        const cancelTimer = this.#clock.after(ATTEMPT_TIMEOUT_MS, end);
        deadline.addEventListener('abort', end);
        if (deadline.aborted)
            end();
        try {
            return await this.#exchange(request, attempt.signal);
        }
        catch (error) {
            throw this.#failure(error, request, attempt.signal);
        }
        finally {
            cancelTimer();
            deadline.removeEventListener('abort', end);
        }
    }
    async #exchange(request, signal) {
        const { url, method, headers, body } = request;
        const client = this.#clientFor(url.origin);
        const options = {
            ...(0,external_node_url_namespaceObject.urlToHttpOptions)(url),
            method,
            headers: { 'user-agent': USER_AGENT, ...headers },
            agent: client.getAgent(url.href),
        };
        const httpModule = url.protocol === 'https:' ? external_node_https_namespaceObject : external_node_http_namespaceObject;
        const answering = client.requestRaw({ options, parsedUrl: url, httpModule }, body);
        answering.then(({ message }) => signal.aborted && message.destroy()).catch(() => undefined);
        const { message } = await untilAborted(answering, signal);
        return readAnswer(message, signal);
    }
    #clientFor(origin) {
        let client = this.#clients.get(origin);
        if (client === undefined) {
            client = new HttpClient(undefined, [], {
                keepAlive: true,
                socketTimeout: ATTEMPT_TIMEOUT_MS + 1_000,
            });
            this.#clients.set(origin, client);
        }
        return client;
    }
    #failure(error, request, attempt) {
        if (this.#deadline.signal.aborted)
            return deadlineFailure(this.#deadline, error);
        const route = routeOf(request.url);
        if (attempt.aborted) {
            const seconds = ATTEMPT_TIMEOUT_MS / 1000;
            return new NoAnswer(`The host ${route.host} did not answer within ${seconds} s`, {
                kind: 'timeout',
                transient: true,
                cause: error,
            });
        }
        return error instanceof NoAnswer ? error : connectionError(error, route);
    }
}
function deadlineFailure(deadline, cause) {
    return new NoAnswer(`No answer within the deadline (timeout-seconds: ${deadline.seconds})`, {
        kind: 'deadline',
        cause,
    });
}
function routeOf(url) {
    const proxy = lib_getProxyUrl(url.href);
    return { host: url.host, proxy: proxy === '' ? undefined : new URL(proxy).host };
}
function readAnswer(message, signal) {
    const status = message.statusCode;
    const headers = message.headers;
    const requestId = requestIdOf(headers);
    const chunks = [];
    let bytes = 0;
    return new Promise((resolve, reject) => {
        message.on('data', (chunk) => {
            chunks.push(chunk);
            bytes += chunk.length;
            if (bytes <= MAX_ANSWER_BYTES)
                return;
            const text = `The answer is longer than ${MAX_ANSWER_BYTES / 1024} KiB`;
            reject(new NoAnswer(text, { kind: 'too-long', status, requestId }));
            message.destroy();
        });
        message.once('end', () => resolve({ status, headers, body: Buffer.concat(chunks).toString() }));
        const cutShort = (cause) => {
            const details = { kind: 'cut-short', status, requestId, transient: true, cause };
            reject(new NoAnswer('The answer was cut short', details));
        };
        message.once('error', cutShort);
        message.once('close', cutShort);
        signal.addEventListener('abort', () => message.destroy(), { once: true });
    });
}
function requestIdOf(headers) {
    const value = headers['x-request-id'];
    return typeof value === 'string' ? value : '';
}

;// CONCATENATED MODULE: ./build/api-answer.js




const TRANSIENT_STATUSES = new Set([429, 500, 502, 503, 504]);
const TRANSIENT_CODES = new Set(['CC.00000000', 'CC.00050012', 'CC.00050014']);
function api_answer_readAnswer(answer, now) {
    const { status, headers } = answer;
    const text = answer.body.trim();
    const json = parseJson(text);
    const success = status >= 200 && status < 300;
    const error = findApiError(json, !success);
    const requestId = requestIdOf(headers) || requestIdIn(json);
    if (status >= 300 && status < 400) {
        const target = headers.location === undefined ? '' : ` to ${withoutSecrets(headers.location)}`;
        throw new ApiRefusal(`The host answered with a redirect${target}, which is not followed: it would carry the credential away`, { kind: 'redirect', status, requestId });
    }
    if (success && error === undefined) {
        if (text === '' || json !== undefined)
            return { json, requestId };
        throw new ApiRefusal(`The host answered with ${sortOf(text)} where the API answers with JSON`, {
            kind: 'not-json',
            status,
            requestId,
        });
    }
    const code = error?.code ?? '';
    throw new ApiRefusal(error?.message || ownWords(text, json), {
        kind: 'api-error',
        status,
        code,
        requestId,
        transient: status !== 401 && (TRANSIENT_STATUSES.has(status) || TRANSIENT_CODES.has(code)),
        retryAfterMs: parseRetryAfter(headers['retry-after'], now),
    });
}
function parseJson(text) {
    try {
        return JSON.parse(text);
    }
    catch {
        return undefined;
    }
}
function ownWords(text, json) {
    if (text === '' || json !== undefined)
        return 'The API gave no reason';
    return isMarkup(text) ? 'The host answered with a web page, which gives no reason' : text;
}
function sortOf(text) {
    return isMarkup(text) ? 'a web page' : 'text';
}
function isMarkup(text) {
    return text.startsWith('<');
}
function withoutSecrets(location) {
    return location.replace(/[?#].*$/s, '').replace(/^([a-z]*:?\/\/)[^/]*@/i, '$1');
}

;// CONCATENATED MODULE: ./build/check-api.js


class CheckApi {
    #sender;
    #endpoint;
    #credential;
    #retries;
    constructor(sender, endpoint, credential, retries) {
        this.#sender = sender;
        this.#endpoint = endpoint;
        this.#credential = credential;
        this.#retries = retries;
    }
    stop(taskId, onAttempt) {
        return this.#call('POST', taskId, 'stop', this.#retries, onAttempt, (answer, now) => api_answer_readAnswer(answer, now).requestId);
    }
    status(taskId, onAttempt, retries = this.#retries) {
        return this.#call('GET', taskId, 'progress', retries, onAttempt, (answer, now) => readStatus(api_answer_readAnswer(answer, now).json));
    }
    #call(method, taskId, action, retries, onAttempt, judge) {
        const url = new URL(this.#endpoint);
        url.pathname = `${url.pathname.replace(/\/$/, '')}/v2/tasks/${taskId}/${action}`;
        const post = method === 'POST';
        return this.#sender.send({
            request: {
                method,
                url,
                headers: post ? { 'content-type': 'application/json' } : {},
                body: post ? '{}' : '',
            },
            authorise: (request, now) => this.#credential.authorise(request, now),
            judge,
            retries,
            onAttempt,
        });
    }
}
const MAX_SHOWN = 20;
const STATES = new Map([
    [0, 'checking'],
    [1, 'failed'],
    [2, 'succeeded'],
    [3, 'stopped'],
    [null, 'never-checked'],
]);
function readStatus(json) {
    const body = isRecord(json) ? json : {};
    const taskStatus = body['task_status'];
    const progress = body['progress'];
    const ratio = isRecord(progress) ? progress['ratio'] : undefined;
    return {
        state: STATES.get(taskStatus) ?? 'unknown',
        taskStatus: nameOf(taskStatus),
        ratio: typeof ratio === 'string' && ratio.length <= MAX_SHOWN ? ratio : undefined,
    };
}
function nameOf(taskStatus) {
    if (isRecord(taskStatus))
        return 'object';
    const json = JSON.stringify(taskStatus) ?? 'none';
    return json.length <= MAX_SHOWN ? json : `${json.slice(0, MAX_SHOWN)}\u2026`;
}

;// CONCATENATED MODULE: external "os"
const external_os_namespaceObject = require("os");
;// CONCATENATED MODULE: ./node_modules/@actions/core/lib/utils.js
// We use any as a valid input type
/* eslint-disable @typescript-eslint/no-explicit-any */
/**
 * Sanitizes an input into a string so it can be passed into issueCommand safely
 * @param input input to sanitize into a string
 */
function utils_toCommandValue(input) {
    if (input === null || input === undefined) {
        return '';
    }
    else if (typeof input === 'string' || input instanceof String) {
        return input;
    }
    return JSON.stringify(input);
}
/**
 *
 * @param annotationProperties
 * @returns The command properties to send with the actual annotation command
 * See IssueCommandProperties: https://github.com/actions/runner/blob/main/src/Runner.Worker/ActionCommandManager.cs#L646
 */
function utils_toCommandProperties(annotationProperties) {
    if (!Object.keys(annotationProperties).length) {
        return {};
    }
    return {
        title: annotationProperties.title,
        file: annotationProperties.file,
        line: annotationProperties.startLine,
        endLine: annotationProperties.endLine,
        col: annotationProperties.startColumn,
        endColumn: annotationProperties.endColumn
    };
}
//# sourceMappingURL=utils.js.map
;// CONCATENATED MODULE: ./node_modules/@actions/core/lib/command.js


/**
 * Issues a command to the GitHub Actions runner
 *
 * @param command - The command name to issue
 * @param properties - Additional properties for the command (key-value pairs)
 * @param message - The message to include with the command
 * @remarks
 * This function outputs a specially formatted string to stdout that the Actions
 * runner interprets as a command. These commands can control workflow behavior,
 * set outputs, create annotations, mask values, and more.
 *
 * Command Format:
 *   ::name key=value,key=value::message
 *
 * @example
 * ```typescript
 * // Issue a warning annotation
 * issueCommand('warning', {}, 'This is a warning message');
 * // Output: ::warning::This is a warning message
 *
 * // Set an environment variable
 * issueCommand('set-env', { name: 'MY_VAR' }, 'some value');
 * // Output: ::set-env name=MY_VAR::some value
 *
 * // Add a secret mask
 * issueCommand('add-mask', {}, 'secretValue123');
 * // Output: ::add-mask::secretValue123
 * ```
 *
 * @internal
 * This is an internal utility function that powers the public API functions
 * such as setSecret, warning, error, and exportVariable.
 */
function command_issueCommand(command, properties, message) {
    const cmd = new Command(command, properties, message);
    process.stdout.write(cmd.toString() + external_os_namespaceObject.EOL);
}
function command_issue(name, message = '') {
    command_issueCommand(name, {}, message);
}
const CMD_STRING = '::';
class Command {
    constructor(command, properties, message) {
        if (!command) {
            command = 'missing.command';
        }
        this.command = command;
        this.properties = properties;
        this.message = message;
    }
    toString() {
        let cmdStr = CMD_STRING + this.command;
        if (this.properties && Object.keys(this.properties).length > 0) {
            cmdStr += ' ';
            let first = true;
            for (const key in this.properties) {
                if (this.properties.hasOwnProperty(key)) {
                    const val = this.properties[key];
                    if (val) {
                        if (first) {
                            first = false;
                        }
                        else {
                            cmdStr += ',';
                        }
                        cmdStr += `${key}=${escapeProperty(val)}`;
                    }
                }
            }
        }
        cmdStr += `${CMD_STRING}${escapeData(this.message)}`;
        return cmdStr;
    }
}
function escapeData(s) {
    return utils_toCommandValue(s)
        .replace(/%/g, '%25')
        .replace(/\r/g, '%0D')
        .replace(/\n/g, '%0A');
}
function escapeProperty(s) {
    return utils_toCommandValue(s)
        .replace(/%/g, '%25')
        .replace(/\r/g, '%0D')
        .replace(/\n/g, '%0A')
        .replace(/:/g, '%3A')
        .replace(/,/g, '%2C');
}
//# sourceMappingURL=command.js.map
;// CONCATENATED MODULE: external "crypto"
const external_crypto_namespaceObject = { randomUUID: () => Math.random() + "-" + Math.random() };
;// CONCATENATED MODULE: external "fs"
const external_fs_namespaceObject = require("fs");
;// CONCATENATED MODULE: ./node_modules/@actions/core/lib/file-command.js
// For internal use, subject to change.
// We use any as a valid input type
/* eslint-disable @typescript-eslint/no-explicit-any */




function file_command_issueFileCommand(command, message) {
    const filePath = process.env[`GITHUB_${command}`];
    if (!filePath) {
        throw new Error(`Unable to find environment variable for file command ${command}`);
    }
    if (!external_fs_namespaceObject.existsSync(filePath)) {
        throw new Error(`Missing file at path: ${filePath}`);
    }
    external_fs_namespaceObject.appendFileSync(filePath, `${utils_toCommandValue(message)}${external_os_namespaceObject.EOL}`, {
        encoding: 'utf8'
    });
}
function file_command_prepareKeyValueMessage(key, value) {
    const delimiter = `ghadelimiter_${external_crypto_namespaceObject.randomUUID()}`;
    const convertedValue = utils_toCommandValue(value);
    // These should realistically never happen, but just in case someone finds a
    // way to exploit uuid generation let's not allow keys or values that contain
    // the delimiter.
    if (key.includes(delimiter)) {
        throw new Error(`Unexpected input: name should not contain the delimiter "${delimiter}"`);
    }
    if (convertedValue.includes(delimiter)) {
        throw new Error(`Unexpected input: value should not contain the delimiter "${delimiter}"`);
    }
    return `${key}<<${delimiter}${external_os_namespaceObject.EOL}${convertedValue}${external_os_namespaceObject.EOL}${delimiter}`;
}
//# sourceMappingURL=file-command.js.map
;// CONCATENATED MODULE: external "path"
const external_path_namespaceObject = require("path");
;// CONCATENATED MODULE: ./node_modules/@actions/http-client/lib/auth.js
var auth_awaiter = (undefined && undefined.__awaiter) || function (thisArg, _arguments, P, generator) {
    function adopt(value) { return value instanceof P ? value : new P(function (resolve) { resolve(value); }); }
    return new (P || (P = Promise))(function (resolve, reject) {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator["throw"](value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
    });
};
class BasicCredentialHandler {
    constructor(username, password) {
        this.username = username;
        this.password = password;
    }
    prepareRequest(options) {
        if (!options.headers) {
            throw Error('The request has no headers');
        }
        options.headers['Authorization'] = `Basic ${Buffer.from(`${this.username}:${this.password}`).toString('base64')}`;
    }
    // This handler cannot handle 401
    canHandleAuthentication() {
        return false;
    }
    handleAuthentication() {
        return auth_awaiter(this, void 0, void 0, function* () {
            throw new Error('not implemented');
        });
    }
}
class BearerCredentialHandler {
    constructor(token) {
        this.token = token;
    }
    // currently implements pre-authorization
    // TODO: support preAuth = false where it hooks on 401
    prepareRequest(options) {
        if (!options.headers) {
            throw Error('The request has no headers');
        }
        options.headers['Authorization'] = `Bearer ${this.token}`;
    }
    // This handler cannot handle 401
    canHandleAuthentication() {
        return false;
    }
    handleAuthentication() {
        return auth_awaiter(this, void 0, void 0, function* () {
            throw new Error('not implemented');
        });
    }
}
class PersonalAccessTokenCredentialHandler {
    constructor(token) {
        this.token = token;
    }
    // currently implements pre-authorization
    // TODO: support preAuth = false where it hooks on 401
    prepareRequest(options) {
        if (!options.headers) {
            throw Error('The request has no headers');
        }
        options.headers['Authorization'] = `Basic ${Buffer.from(`PAT:${this.token}`).toString('base64')}`;
    }
    // This handler cannot handle 401
    canHandleAuthentication() {
        return false;
    }
    handleAuthentication() {
        return auth_awaiter(this, void 0, void 0, function* () {
            throw new Error('not implemented');
        });
    }
}
//# sourceMappingURL=auth.js.map
;// CONCATENATED MODULE: ./node_modules/@actions/core/lib/oidc-utils.js
var oidc_utils_awaiter = (undefined && undefined.__awaiter) || function (thisArg, _arguments, P, generator) {
    function adopt(value) { return value instanceof P ? value : new P(function (resolve) { resolve(value); }); }
    return new (P || (P = Promise))(function (resolve, reject) {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator["throw"](value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
    });
};



class OidcClient {
    static createHttpClient(allowRetry = true, maxRetry = 10) {
        const requestOptions = {
            allowRetries: allowRetry,
            maxRetries: maxRetry
        };
        return new HttpClient('actions/oidc-client', [new BearerCredentialHandler(OidcClient.getRequestToken())], requestOptions);
    }
    static getRequestToken() {
        const token = process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
        if (!token) {
            throw new Error('Unable to get ACTIONS_ID_TOKEN_REQUEST_TOKEN env variable');
        }
        return token;
    }
    static getIDTokenUrl() {
        const runtimeUrl = process.env['ACTIONS_ID_TOKEN_REQUEST_URL'];
        if (!runtimeUrl) {
            throw new Error('Unable to get ACTIONS_ID_TOKEN_REQUEST_URL env variable');
        }
        return runtimeUrl;
    }
    static getCall(id_token_url) {
        return oidc_utils_awaiter(this, void 0, void 0, function* () {
            var _a;
            const httpclient = OidcClient.createHttpClient();
            const res = yield httpclient
                .getJson(id_token_url)
                .catch(error => {
                throw new Error(`Failed to get ID Token. \n 
        Error Code : ${error.statusCode}\n 
        Error Message: ${error.message}`);
            });
            const id_token = (_a = res.result) === null || _a === void 0 ? void 0 : _a.value;
            if (!id_token) {
                throw new Error('Response json body do not have ID Token field');
            }
            return id_token;
        });
    }
    static getIDToken(audience) {
        return oidc_utils_awaiter(this, void 0, void 0, function* () {
            try {
                // New ID Token is requested from action service
                let id_token_url = OidcClient.getIDTokenUrl();
                if (audience) {
                    const encodedAudience = encodeURIComponent(audience);
                    id_token_url = `${id_token_url}&audience=${encodedAudience}`;
                }
                debug(`ID token url is ${id_token_url}`);
                const id_token = yield OidcClient.getCall(id_token_url);
                setSecret(id_token);
                return id_token;
            }
            catch (error) {
                throw new Error(`Error message: ${error.message}`);
            }
        });
    }
}
//# sourceMappingURL=oidc-utils.js.map
;// CONCATENATED MODULE: ./node_modules/@actions/core/lib/summary.js
var summary_awaiter = (undefined && undefined.__awaiter) || function (thisArg, _arguments, P, generator) {
    function adopt(value) { return value instanceof P ? value : new P(function (resolve) { resolve(value); }); }
    return new (P || (P = Promise))(function (resolve, reject) {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator["throw"](value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
    });
};


const { access, appendFile, writeFile } = Object.fromEntries(["access", "appendFile", "writeFile"].map((name) => [name, async (...args) => external_fs_namespaceObject[name + "Sync"](...args)]));
const SUMMARY_ENV_VAR = 'GITHUB_STEP_SUMMARY';
const SUMMARY_DOCS_URL = 'https://docs.github.com/actions/using-workflows/workflow-commands-for-github-actions#adding-a-job-summary';
class Summary {
    constructor() {
        this._buffer = '';
    }
    /**
     * Finds the summary file path from the environment, rejects if env var is not found or file does not exist
     * Also checks r/w permissions.
     *
     * @returns step summary file path
     */
    filePath() {
        return summary_awaiter(this, void 0, void 0, function* () {
            if (this._filePath) {
                return this._filePath;
            }
            const pathFromEnv = process.env[SUMMARY_ENV_VAR];
            if (!pathFromEnv) {
                throw new Error(`Unable to find environment variable for $${SUMMARY_ENV_VAR}. Check if your runtime environment supports job summaries.`);
            }
            try {
                yield access(pathFromEnv, external_fs_namespaceObject.constants.R_OK | external_fs_namespaceObject.constants.W_OK);
            }
            catch (_a) {
                throw new Error(`Unable to access summary file: '${pathFromEnv}'. Check if the file has correct read/write permissions.`);
            }
            this._filePath = pathFromEnv;
            return this._filePath;
        });
    }
    /**
     * Wraps content in an HTML tag, adding any HTML attributes
     *
     * @param {string} tag HTML tag to wrap
     * @param {string | null} content content within the tag
     * @param {[attribute: string]: string} attrs key-value list of HTML attributes to add
     *
     * @returns {string} content wrapped in HTML element
     */
    wrap(tag, content, attrs = {}) {
        const htmlAttrs = Object.entries(attrs)
            .map(([key, value]) => ` ${key}="${value}"`)
            .join('');
        if (!content) {
            return `<${tag}${htmlAttrs}>`;
        }
        return `<${tag}${htmlAttrs}>${content}</${tag}>`;
    }
    /**
     * Writes text in the buffer to the summary buffer file and empties buffer. Will append by default.
     *
     * @param {SummaryWriteOptions} [options] (optional) options for write operation
     *
     * @returns {Promise<Summary>} summary instance
     */
    write(options) {
        return summary_awaiter(this, void 0, void 0, function* () {
            const overwrite = !!(options === null || options === void 0 ? void 0 : options.overwrite);
            const filePath = yield this.filePath();
            const writeFunc = overwrite ? writeFile : appendFile;
            yield writeFunc(filePath, this._buffer, { encoding: 'utf8' });
            return this.emptyBuffer();
        });
    }
    /**
     * Clears the summary buffer and wipes the summary file
     *
     * @returns {Summary} summary instance
     */
    clear() {
        return summary_awaiter(this, void 0, void 0, function* () {
            return this.emptyBuffer().write({ overwrite: true });
        });
    }
    /**
     * Returns the current summary buffer as a string
     *
     * @returns {string} string of summary buffer
     */
    stringify() {
        return this._buffer;
    }
    /**
     * If the summary buffer is empty
     *
     * @returns {boolen} true if the buffer is empty
     */
    isEmptyBuffer() {
        return this._buffer.length === 0;
    }
    /**
     * Resets the summary buffer without writing to summary file
     *
     * @returns {Summary} summary instance
     */
    emptyBuffer() {
        this._buffer = '';
        return this;
    }
    /**
     * Adds raw text to the summary buffer
     *
     * @param {string} text content to add
     * @param {boolean} [addEOL=false] (optional) append an EOL to the raw text (default: false)
     *
     * @returns {Summary} summary instance
     */
    addRaw(text, addEOL = false) {
        this._buffer += text;
        return addEOL ? this.addEOL() : this;
    }
    /**
     * Adds the operating system-specific end-of-line marker to the buffer
     *
     * @returns {Summary} summary instance
     */
    addEOL() {
        return this.addRaw(external_os_namespaceObject.EOL);
    }
    /**
     * Adds an HTML codeblock to the summary buffer
     *
     * @param {string} code content to render within fenced code block
     * @param {string} lang (optional) language to syntax highlight code
     *
     * @returns {Summary} summary instance
     */
    addCodeBlock(code, lang) {
        const attrs = Object.assign({}, (lang && { lang }));
        const element = this.wrap('pre', this.wrap('code', code), attrs);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML list to the summary buffer
     *
     * @param {string[]} items list of items to render
     * @param {boolean} [ordered=false] (optional) if the rendered list should be ordered or not (default: false)
     *
     * @returns {Summary} summary instance
     */
    addList(items, ordered = false) {
        const tag = ordered ? 'ol' : 'ul';
        const listItems = items.map(item => this.wrap('li', item)).join('');
        const element = this.wrap(tag, listItems);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML table to the summary buffer
     *
     * @param {SummaryTableCell[]} rows table rows
     *
     * @returns {Summary} summary instance
     */
    addTable(rows) {
        const tableBody = rows
            .map(row => {
            const cells = row
                .map(cell => {
                if (typeof cell === 'string') {
                    return this.wrap('td', cell);
                }
                const { header, data, colspan, rowspan } = cell;
                const tag = header ? 'th' : 'td';
                const attrs = Object.assign(Object.assign({}, (colspan && { colspan })), (rowspan && { rowspan }));
                return this.wrap(tag, data, attrs);
            })
                .join('');
            return this.wrap('tr', cells);
        })
            .join('');
        const element = this.wrap('table', tableBody);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds a collapsable HTML details element to the summary buffer
     *
     * @param {string} label text for the closed state
     * @param {string} content collapsable content
     *
     * @returns {Summary} summary instance
     */
    addDetails(label, content) {
        const element = this.wrap('details', this.wrap('summary', label) + content);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML image tag to the summary buffer
     *
     * @param {string} src path to the image you to embed
     * @param {string} alt text description of the image
     * @param {SummaryImageOptions} options (optional) addition image attributes
     *
     * @returns {Summary} summary instance
     */
    addImage(src, alt, options) {
        const { width, height } = options || {};
        const attrs = Object.assign(Object.assign({}, (width && { width })), (height && { height }));
        const element = this.wrap('img', null, Object.assign({ src, alt }, attrs));
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML section heading element
     *
     * @param {string} text heading text
     * @param {number | string} [level=1] (optional) the heading level, default: 1
     *
     * @returns {Summary} summary instance
     */
    addHeading(text, level) {
        const tag = `h${level}`;
        const allowedTag = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].includes(tag)
            ? tag
            : 'h1';
        const element = this.wrap(allowedTag, text);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML thematic break (<hr>) to the summary buffer
     *
     * @returns {Summary} summary instance
     */
    addSeparator() {
        const element = this.wrap('hr', null);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML line break (<br>) to the summary buffer
     *
     * @returns {Summary} summary instance
     */
    addBreak() {
        const element = this.wrap('br', null);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML blockquote to the summary buffer
     *
     * @param {string} text quote text
     * @param {string} cite (optional) citation url
     *
     * @returns {Summary} summary instance
     */
    addQuote(text, cite) {
        const attrs = Object.assign({}, (cite && { cite }));
        const element = this.wrap('blockquote', text, attrs);
        return this.addRaw(element).addEOL();
    }
    /**
     * Adds an HTML anchor tag to the summary buffer
     *
     * @param {string} text link text/content
     * @param {string} href hyperlink
     *
     * @returns {Summary} summary instance
     */
    addLink(text, href) {
        const element = this.wrap('a', text, { href });
        return this.addRaw(element).addEOL();
    }
}
const _summary = new Summary();
/**
 * @deprecated use `core.summary`
 */
const markdownSummary = (/* unused pure expression or super */ null && (_summary));
const summary = _summary;
//# sourceMappingURL=summary.js.map
;// CONCATENATED MODULE: ./node_modules/@actions/core/lib/path-utils.js

/**
 * toPosixPath converts the given path to the posix form. On Windows, \\ will be
 * replaced with /.
 *
 * @param pth. Path to transform.
 * @return string Posix path.
 */
function toPosixPath(pth) {
    return pth.replace(/[\\]/g, '/');
}
/**
 * toWin32Path converts the given path to the win32 form. On Linux, / will be
 * replaced with \\.
 *
 * @param pth. Path to transform.
 * @return string Win32 path.
 */
function toWin32Path(pth) {
    return pth.replace(/[/]/g, '\\');
}
/**
 * toPlatformPath converts the given path to a platform-specific path. It does
 * this by replacing instances of / and \ with the platform-specific path
 * separator.
 *
 * @param pth The path to platformize.
 * @return string The platform-specific path.
 */
function toPlatformPath(pth) {
    return pth.replace(/[/\\]/g, path.sep);
}
//# sourceMappingURL=path-utils.js.map
;// CONCATENATED MODULE: ./node_modules/@actions/core/lib/platform.js
var platform_awaiter = (undefined && undefined.__awaiter) || function (thisArg, _arguments, P, generator) {
    function adopt(value) { return value instanceof P ? value : new P(function (resolve) { resolve(value); }); }
    return new (P || (P = Promise))(function (resolve, reject) {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator["throw"](value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
    });
};


const getWindowsInfo = () => platform_awaiter(void 0, void 0, void 0, function* () {
    const { stdout: version } = yield exec.getExecOutput('powershell -command "(Get-CimInstance -ClassName Win32_OperatingSystem).Version"', undefined, {
        silent: true
    });
    const { stdout: name } = yield exec.getExecOutput('powershell -command "(Get-CimInstance -ClassName Win32_OperatingSystem).Caption"', undefined, {
        silent: true
    });
    return {
        name: name.trim(),
        version: version.trim()
    };
});
const getMacOsInfo = () => platform_awaiter(void 0, void 0, void 0, function* () {
    var _a, _b, _c, _d;
    const { stdout } = yield exec.getExecOutput('sw_vers', undefined, {
        silent: true
    });
    const version = (_b = (_a = stdout.match(/ProductVersion:\s*(.+)/)) === null || _a === void 0 ? void 0 : _a[1]) !== null && _b !== void 0 ? _b : '';
    const name = (_d = (_c = stdout.match(/ProductName:\s*(.+)/)) === null || _c === void 0 ? void 0 : _c[1]) !== null && _d !== void 0 ? _d : '';
    return {
        name,
        version
    };
});
const getLinuxInfo = () => platform_awaiter(void 0, void 0, void 0, function* () {
    const { stdout } = yield exec.getExecOutput('lsb_release', ['-i', '-r', '-s'], {
        silent: true
    });
    const [name, version] = stdout.trim().split('\n');
    return {
        name,
        version
    };
});
const platform = external_os_namespaceObject.platform();
const arch = external_os_namespaceObject.arch();
const isWindows = platform === 'win32';
const isMacOS = platform === 'darwin';
const isLinux = platform === 'linux';
function getDetails() {
    return platform_awaiter(this, void 0, void 0, function* () {
        return Object.assign(Object.assign({}, (yield (isWindows
            ? getWindowsInfo()
            : isMacOS
                ? getMacOsInfo()
                : getLinuxInfo()))), { platform,
            arch,
            isWindows,
            isMacOS,
            isLinux });
    });
}
//# sourceMappingURL=platform.js.map
;// CONCATENATED MODULE: ./node_modules/@actions/core/lib/core.js
var core_awaiter = (undefined && undefined.__awaiter) || function (thisArg, _arguments, P, generator) {
    function adopt(value) { return value instanceof P ? value : new P(function (resolve) { resolve(value); }); }
    return new (P || (P = Promise))(function (resolve, reject) {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator["throw"](value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
    });
};






/**
 * The code to exit an action
 */
var ExitCode;
(function (ExitCode) {
    /**
     * A code indicating that the action was successful
     */
    ExitCode[ExitCode["Success"] = 0] = "Success";
    /**
     * A code indicating that the action was a failure
     */
    ExitCode[ExitCode["Failure"] = 1] = "Failure";
})(ExitCode || (ExitCode = {}));
//-----------------------------------------------------------------------
// Variables
//-----------------------------------------------------------------------
/**
 * Sets env variable for this action and future actions in the job
 * @param name the name of the variable to set
 * @param val the value of the variable. Non-string values will be converted to a string via JSON.stringify
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
function exportVariable(name, val) {
    const convertedVal = toCommandValue(val);
    process.env[name] = convertedVal;
    const filePath = process.env['GITHUB_ENV'] || '';
    if (filePath) {
        return issueFileCommand('ENV', prepareKeyValueMessage(name, val));
    }
    issueCommand('set-env', { name }, convertedVal);
}
/**
 * Registers a secret which will get masked from logs
 *
 * @param secret - Value of the secret to be masked
 * @remarks
 * This function instructs the Actions runner to mask the specified value in any
 * logs produced during the workflow run. Once registered, the secret value will
 * be replaced with asterisks (***) whenever it appears in console output, logs,
 * or error messages.
 *
 * This is useful for protecting sensitive information such as:
 * - API keys
 * - Access tokens
 * - Authentication credentials
 * - URL parameters containing signatures (SAS tokens)
 *
 * Note that masking only affects future logs; any previous appearances of the
 * secret in logs before calling this function will remain unmasked.
 *
 * @example
 * ```typescript
 * // Register an API token as a secret
 * const apiToken = "abc123xyz456";
 * setSecret(apiToken);
 *
 * // Now any logs containing this value will show *** instead
 * console.log(`Using token: ${apiToken}`); // Outputs: "Using token: ***"
 * ```
 */
function setSecret(secret) {
    command_issueCommand('add-mask', {}, secret);
}
/**
 * Prepends inputPath to the PATH (for this action and future actions)
 * @param inputPath
 */
function addPath(inputPath) {
    const filePath = process.env['GITHUB_PATH'] || '';
    if (filePath) {
        issueFileCommand('PATH', inputPath);
    }
    else {
        issueCommand('add-path', {}, inputPath);
    }
    process.env['PATH'] = `${inputPath}${path.delimiter}${process.env['PATH']}`;
}
/**
 * Gets the value of an input.
 * Unless trimWhitespace is set to false in InputOptions, the value is also trimmed.
 * Returns an empty string if the value is not defined.
 *
 * @param     name     name of the input to get
 * @param     options  optional. See InputOptions.
 * @returns   string
 */
function getInput(name, options) {
    const val = process.env[`INPUT_${name.replace(/ /g, '_').toUpperCase()}`] || '';
    if (options && options.required && !val) {
        throw new Error(`Input required and not supplied: ${name}`);
    }
    if (options && options.trimWhitespace === false) {
        return val;
    }
    return val.trim();
}
/**
 * Gets the values of an multiline input.  Each value is also trimmed.
 *
 * @param     name     name of the input to get
 * @param     options  optional. See InputOptions.
 * @returns   string[]
 *
 */
function getMultilineInput(name, options) {
    const inputs = getInput(name, options)
        .split('\n')
        .filter(x => x !== '');
    if (options && options.trimWhitespace === false) {
        return inputs;
    }
    return inputs.map(input => input.trim());
}
/**
 * Gets the input value of the boolean type in the YAML 1.2 "core schema" specification.
 * Support boolean input list: `true | True | TRUE | false | False | FALSE` .
 * The return value is also in boolean type.
 * ref: https://yaml.org/spec/1.2/spec.html#id2804923
 *
 * @param     name     name of the input to get
 * @param     options  optional. See InputOptions.
 * @returns   boolean
 */
function getBooleanInput(name, options) {
    const trueValue = ['true', 'True', 'TRUE'];
    const falseValue = ['false', 'False', 'FALSE'];
    const val = getInput(name, options);
    if (trueValue.includes(val))
        return true;
    if (falseValue.includes(val))
        return false;
    throw new TypeError(`Input does not meet YAML 1.2 "Core Schema" specification: ${name}\n` +
        `Support boolean input list: \`true | True | TRUE | false | False | FALSE\``);
}
/**
 * Sets the value of an output.
 *
 * @param     name     name of the output to set
 * @param     value    value to store. Non-string values will be converted to a string via JSON.stringify
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
function setOutput(name, value) {
    const filePath = process.env['GITHUB_OUTPUT'] || '';
    if (filePath) {
        return file_command_issueFileCommand('OUTPUT', file_command_prepareKeyValueMessage(name, value));
    }
    process.stdout.write(external_os_namespaceObject.EOL);
    command_issueCommand('set-output', { name }, utils_toCommandValue(value));
}
/**
 * Enables or disables the echoing of commands into stdout for the rest of the step.
 * Echoing is disabled by default if ACTIONS_STEP_DEBUG is not set.
 *
 */
function setCommandEcho(enabled) {
    issue('echo', enabled ? 'on' : 'off');
}
//-----------------------------------------------------------------------
// Results
//-----------------------------------------------------------------------
/**
 * Sets the action status to failed.
 * When the action exits it will be with an exit code of 1
 * @param message add error issue message
 */
function setFailed(message) {
    process.exitCode = ExitCode.Failure;
    error(message);
}
//-----------------------------------------------------------------------
// Logging Commands
//-----------------------------------------------------------------------
/**
 * Gets whether Actions Step Debug is on or not
 */
function isDebug() {
    return process.env['RUNNER_DEBUG'] === '1';
}
/**
 * Writes debug message to user log
 * @param message debug message
 */
function debug(message) {
    command_issueCommand('debug', {}, message);
}
/**
 * Adds an error issue
 * @param message error issue message. Errors will be converted to string via toString()
 * @param properties optional properties to add to the annotation.
 */
function error(message, properties = {}) {
    command_issueCommand('error', utils_toCommandProperties(properties), message instanceof Error ? message.toString() : message);
}
/**
 * Adds a warning issue
 * @param message warning issue message. Errors will be converted to string via toString()
 * @param properties optional properties to add to the annotation.
 */
function warning(message, properties = {}) {
    command_issueCommand('warning', utils_toCommandProperties(properties), message instanceof Error ? message.toString() : message);
}
/**
 * Adds a notice issue
 * @param message notice issue message. Errors will be converted to string via toString()
 * @param properties optional properties to add to the annotation.
 */
function notice(message, properties = {}) {
    issueCommand('notice', toCommandProperties(properties), message instanceof Error ? message.toString() : message);
}
/**
 * Writes info to log with console.log.
 * @param message info message
 */
function info(message) {
    process.stdout.write(message + external_os_namespaceObject.EOL);
}
/**
 * Begin an output group.
 *
 * Output until the next `groupEnd` will be foldable in this group
 *
 * @param name The name of the output group
 */
function startGroup(name) {
    command_issue('group', name);
}
/**
 * End an output group.
 */
function endGroup() {
    command_issue('endgroup');
}
/**
 * Wrap an asynchronous function call in a group.
 *
 * Returns the same type as the function itself.
 *
 * @param name The name of the group
 * @param fn The function to wrap in the group
 */
function group(name, fn) {
    return core_awaiter(this, void 0, void 0, function* () {
        startGroup(name);
        let result;
        try {
            result = yield fn();
        }
        finally {
            endGroup();
        }
        return result;
    });
}
//-----------------------------------------------------------------------
// Wrapper action state
//-----------------------------------------------------------------------
/**
 * Saves state for current action, the state can only be retrieved by this action's post job execution.
 *
 * @param     name     name of the state to store
 * @param     value    value to store. Non-string values will be converted to a string via JSON.stringify
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
function saveState(name, value) {
    const filePath = process.env['GITHUB_STATE'] || '';
    if (filePath) {
        return issueFileCommand('STATE', prepareKeyValueMessage(name, value));
    }
    issueCommand('save-state', { name }, toCommandValue(value));
}
/**
 * Gets the value of an state set by this action's main execution.
 *
 * @param     name     name of the state to get
 * @returns   string
 */
function getState(name) {
    return process.env[`STATE_${name}`] || '';
}
function getIDToken(aud) {
    return core_awaiter(this, void 0, void 0, function* () {
        return yield OidcClient.getIDToken(aud);
    });
}
/**
 * Summary exports
 */

/**
 * @deprecated use core.summary
 */

/**
 * Path exports
 */

/**
 * Platform utilities exports
 */

//# sourceMappingURL=core.js.map
;// CONCATENATED MODULE: ./build/credentials/github-id-token.js





async function githubIdToken(audience, available, deadline) {
    if (!available) {
        throw new NoAnswer('GitHub gives this job no ID token', { kind: 'id-token' });
    }
    try {
        const idToken = await untilAborted(getIDToken(audience), deadline.signal);
        if (typeof idToken === 'string')
            return idToken;
        throw new Error('its answer holds none');
    }
    catch (error) {
        if (deadline.signal.aborted)
            throw deadlineFailure(deadline, error);
        throw new NoAnswer(`GitHub gave no ID token: ${errorText(error)}`, {
            kind: 'other',
            cause: error,
        });
    }
}

;// CONCATENATED MODULE: external "node:crypto"
const external_node_crypto_namespaceObject = lazy(() => require("node:crypto"), []);
;// CONCATENATED MODULE: ./build/credentials/sdk-hmac-sha256.js

const ALGORITHM = 'SDK-HMAC-SHA256';
const SIGNED_HEADERS = new Set([
    'content-type',
    'host',
    'x-project-id',
    'x-sdk-date',
    'x-security-token',
]);
function sign(request, keys, now) {
    const date = `${now.toISOString().replace(/[-:]|\.\d+Z$/g, '')}Z`;
    const headers = { ...request.headers, host: request.url.host, 'x-sdk-date': date };
    const { canonical, signedHeaders } = canonicalRequest({ ...request, headers });
    const stringToSign = [ALGORITHM, date, sha256(canonical)].join('\n');
    const signature = (0,external_node_crypto_namespaceObject.createHmac)('sha256', keys.secretAccessKey).update(stringToSign).digest('hex');
    return {
        ...headers,
        authorization: `${ALGORITHM} Access=${keys.accessKeyId}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
    };
}
function canonicalRequest(request) {
    const headers = Object.entries(request.headers)
        .filter(([name]) => SIGNED_HEADERS.has(name))
        .sort(([a], [b]) => compare(a, b));
    const signedHeaders = headers.map(([name]) => name).join(';');
    const canonical = [
        request.method,
        canonicalPath(request.url),
        canonicalQuery(request.url),
        ...headers.map(([name, value]) => `${name}:${value.trim()}`),
        '',
        signedHeaders,
        sha256(request.body),
    ].join('\n');
    return { canonical, signedHeaders };
}
function canonicalPath(url) {
    const path = url.pathname
        .split('/')
        .map((segment) => encode(decodeURIComponent(segment)))
        .join('/');
    return path.endsWith('/') ? path : `${path}/`;
}
function canonicalQuery(url) {
    return [...url.searchParams]
        .map(([name, value]) => [encode(name), encode(value)])
        .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
        .map(([name, value]) => `${name}=${value}`)
        .join('&');
}
function encode(text) {
    return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
function compare(a, b) {
    return a < b ? -1 : Number(a > b);
}
function sha256(text) {
    return (0,external_node_crypto_namespaceObject.createHash)('sha256').update(text).digest('hex');
}

;// CONCATENATED MODULE: ./build/credentials/key-pair.js

function keyPairCredential(keys) {
    return {
        name: 'a key pair',
        renewal: 'Check access-key-id and secret-access-key; a temporary key pair expires.',
        authorise: (request, now) => {
            const headers = {
                ...request.headers,
                ...(keys.projectId === undefined ? {} : { 'x-project-id': keys.projectId }),
                ...(keys.securityToken === undefined ? {} : { 'x-security-token': keys.securityToken }),
            };
            return { ...request, headers: sign({ ...request, headers }, keys, now) };
        },
    };
}

;// CONCATENATED MODULE: ./build/credentials/keyless.js




async function keylessCredential(agency, parts) {
    const idToken = await parts.idToken();
    parts.mask(idToken);
    const url = new URL(agency.stsEndpoint);
    url.pathname = `${url.pathname.replace(/\/$/, '')}/v5/agencies/assume-with-oidc`;
    const keys = await parts.sender.send({
        request: {
            method: 'POST',
            url,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({
                provider_urn: agency.providerUrn,
                agency_urn: agency.agencyUrn,
                agency_session_name: agency.sessionName,
                id_token: idToken,
                duration_seconds: agency.durationSeconds,
            }),
        },
        authorise: (request) => request,
        judge: (answer, now) => readKeys(api_answer_readAnswer(answer, now).json, answer.status),
        retries: parts.retries,
        onAttempt: parts.onAttempt,
    });
    for (const secret of Object.values(keys))
        parts.mask(secret);
    return {
        ...keyPairCredential({ ...keys, projectId: agency.projectId }),
        name: 'a temporary key pair',
        renewal: 'The temporary key pair was obtained in this step: look at the trust agency and its permissions.',
    };
}
function readKeys(json, status) {
    const credentials = isRecord(json) ? json['credentials'] : undefined;
    const text = (name) => {
        const value = isRecord(credentials) ? credentials[name] : undefined;
        if (typeof value === 'string' && value !== '')
            return value;
        throw new ApiRefusal(`The answer of STS has no credentials.${name}`, {
            kind: 'not-json',
            status,
        });
    };
    return {
        accessKeyId: text('access_key_id'),
        secretAccessKey: text('secret_access_key'),
        securityToken: text('security_token'),
    };
}

;// CONCATENATED MODULE: ./build/credentials/token.js
function tokenCredential(token) {
    return {
        name: 'a token',
        renewal: 'A token lives 24 hours: obtain it in the job that uses it, or use a key pair (access-key-id, secret-access-key).',
        authorise: (request) => ({
            ...request,
            headers: { ...request.headers, 'x-auth-token': token },
        }),
    };
}

;// CONCATENATED MODULE: ./build/credentials/obtain.js




const MIN_DURATION_SECONDS = 900;
async function obtainCredential(settings, parts) {
    switch (settings.kind) {
        case 'token':
            return tokenCredential(settings.token);
        case 'key-pair':
            return keyPairCredential(settings);
        case 'keyless': {
            const { audience, idTokenAvailable } = settings;
            const { deadline, secrets, log } = parts;
            log.line(`Exchanging GitHub's ID token at ${settings.stsEndpoint.host}`);
            return keylessCredential({ ...settings, durationSeconds: Math.max(MIN_DURATION_SECONDS, deadline.seconds) }, {
                ...parts,
                idToken: () => githubIdToken(audience, idTokenAvailable, deadline),
                mask: (secret) => secrets.add(secret),
                onAttempt: (attempt) => log.attempt(attempt),
            });
        }
    }
}

;// CONCATENATED MODULE: ./build/deadline.js
class Deadline {
    seconds;
    signal;
    #clock;
    #end;
    constructor(seconds, clock) {
        const expired = new AbortController();
        this.seconds = seconds;
        this.signal = expired.signal;
        this.#clock = clock;
        this.#end = clock.now() + seconds * 1000;
        clock.after(seconds * 1000, () => expired.abort());
    }
    remainingMs() {
        return this.signal.aborted ? 0 : Math.max(0, this.#end - this.#clock.now());
    }
}

;// CONCATENATED MODULE: ./node_modules/yocto-queue/index.js
/*
How it works:
`this.#head` is an instance of `Node` which keeps track of its current value and nests another instance of `Node` that keeps the value that comes after it. When a value is provided to `.enqueue()`, the code needs to iterate through `this.#head`, going deeper and deeper to find the last value. However, iterating through every single item is slow. This problem is solved by saving a reference to the last value as `this.#tail` so that it can reference it to add a new value.
*/

class Node {
	value;
	next;

	constructor(value) {
		this.value = value;
	}
}

class Queue {
	#head;
	#tail;
	#size;

	constructor() {
		this.clear();
	}

	enqueue(value) {
		const node = new Node(value);

		if (this.#head) {
			this.#tail.next = node;
			this.#tail = node;
		} else {
			this.#head = node;
			this.#tail = node;
		}

		this.#size++;
	}

	dequeue() {
		const current = this.#head;
		if (!current) {
			return;
		}

		this.#head = this.#head.next;
		this.#size--;

		// Clean up tail reference when queue becomes empty
		if (!this.#head) {
			this.#tail = undefined;
		}

		return current.value;
	}

	peek() {
		if (!this.#head) {
			return;
		}

		return this.#head.value;

		// TODO: Node.js 18.
		// return this.#head?.value;
	}

	clear() {
		this.#head = undefined;
		this.#tail = undefined;
		this.#size = 0;
	}

	get size() {
		return this.#size;
	}

	* [Symbol.iterator]() {
		let current = this.#head;

		while (current) {
			yield current.value;
			current = current.next;
		}
	}

	* drain() {
		while (this.#head) {
			yield this.dequeue();
		}
	}
}

;// CONCATENATED MODULE: ./node_modules/p-limit/index.js


function pLimit(concurrency) {
	let rejectOnClear = false;

	if (typeof concurrency === 'object') {
		({concurrency, rejectOnClear = false} = concurrency);
	}

	validateConcurrency(concurrency);

	if (typeof rejectOnClear !== 'boolean') {
		throw new TypeError('Expected `rejectOnClear` to be a boolean');
	}

	const queue = new Queue();
	let activeCount = 0;

	const resumeNext = () => {
		// Process the next queued function if we're under the concurrency limit
		if (activeCount < concurrency && queue.size > 0) {
			activeCount++;
			queue.dequeue().run();
		}
	};

	const next = () => {
		activeCount--;
		resumeNext();
	};

	const run = async (function_, resolve, arguments_) => {
		// Execute the function and capture the result promise
		const result = (async () => function_(...arguments_))();

		// Resolve immediately with the promise (don't wait for completion)
		resolve(result);

		// Wait for the function to complete (success or failure)
		// We catch errors here to prevent unhandled rejections,
		// but the original promise rejection is preserved for the caller
		try {
			await result;
		} catch {}

		// Decrement active count and process next queued function
		next();
	};

	const enqueue = (function_, resolve, reject, arguments_) => {
		const queueItem = {reject};

		// Queue the internal resolve function instead of the run function
		// to preserve the asynchronous execution context.
		new Promise(internalResolve => { // eslint-disable-line promise/param-names
			queueItem.run = internalResolve;
			queue.enqueue(queueItem);
		}).then(run.bind(undefined, function_, resolve, arguments_)); // eslint-disable-line promise/prefer-await-to-then

		// Start processing immediately if we haven't reached the concurrency limit
		if (activeCount < concurrency) {
			resumeNext();
		}
	};

	const generator = (function_, ...arguments_) => new Promise((resolve, reject) => {
		enqueue(function_, resolve, reject, arguments_);
	});

	Object.defineProperties(generator, {
		activeCount: {
			get: () => activeCount,
		},
		pendingCount: {
			get: () => queue.size,
		},
		clearQueue: {
			value() {
				if (!rejectOnClear) {
					queue.clear();
					return;
				}

				const abortError = AbortSignal.abort().reason;

				while (queue.size > 0) {
					queue.dequeue().reject(abortError);
				}
			},
		},
		concurrency: {
			get: () => concurrency,

			set(newConcurrency) {
				validateConcurrency(newConcurrency);
				concurrency = newConcurrency;

				queueMicrotask(() => {
					// eslint-disable-next-line no-unmodified-loop-condition
					while (activeCount < concurrency && queue.size > 0) {
						resumeNext();
					}
				});
			},
		},
		map: {
			async value(iterable, function_) {
				const promises = [];

				try {
					Array.from(iterable, (value, index) => {
						const promise = generator(function_, value, index);
						promises.push(promise);
						return promise;
					});
				} catch (error) {
					// The iterable threw, so `Promise.all` never observes the already scheduled promises. Observe them here to avoid unhandled rejections.
					for (const promise of promises) {
						promise.catch(() => {}); // eslint-disable-line promise/prefer-await-to-then
					}

					throw error;
				}

				return Promise.all(promises);
			},
		},
	});

	return generator;
}

function limitFunction(function_, options) {
	const limit = pLimit(options);

	const limitedFunction = (...arguments_) => limit(() => function_(...arguments_));
	Object.defineProperty(limitedFunction, 'clearQueue', {
		value: limit.clearQueue,
	});

	return limitedFunction;
}

function validateConcurrency(concurrency) {
	if (!((Number.isInteger(concurrency) || concurrency === Number.POSITIVE_INFINITY) && concurrency > 0)) {
		throw new TypeError('Expected `concurrency` to be a number from 1 and up');
	}
}

;// CONCATENATED MODULE: ./build/http/backoff.js
const BASE_MS = 1_000;
const CAP_MS = 16_000;
function backoffMs(attempt, random) {
    return random * Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1));
}

;// CONCATENATED MODULE: ./build/http/sender.js




class Sender {
    #parts;
    #limit = pLimit(MAX_CONNECTIONS);
    #heldUntil = 0;
    #heldBy;
    #refusedBy;
    constructor(parts) {
        this.#parts = parts;
    }
    async send(call) {
        const { clock, deadline } = this.#parts;
        for (let number = 1;; number++) {
            const attempt = await this.#limit(() => this.#attempt(call, number));
            const { failure } = attempt;
            if (failure === undefined) {
                call.onAttempt({ ...attempt, nextInMs: undefined });
                return attempt.value;
            }
            const nextInMs = this.#nextInMs(failure, number, call.retries);
            call.onAttempt({ ...attempt, nextInMs });
            if (nextInMs === undefined)
                throw failure;
            await clock.sleep(nextInMs, deadline.signal).catch(() => {
                throw failure;
            });
        }
    }
    async #attempt(call, number) {
        await this.#untilClear();
        const { transport, clock } = this.#parts;
        const request = call.authorise(call.request, clock.date());
        const started = clock.now();
        const seen = (status) => ({
            request,
            number,
            status,
            durationMs: clock.now() - started,
        });
        let status = null;
        try {
            const answer = await transport.send(request);
            status = answer.status;
            return { ...seen(status), failure: undefined, value: call.judge(answer, clock.date()) };
        }
        catch (error) {
            if (!(error instanceof RequestFailure))
                throw error;
            if (error.status === 401)
                this.#refusedBy ??= error;
            return { ...seen(error.status), failure: error };
        }
    }
    async #untilClear() {
        const { clock, deadline } = this.#parts;
        for (;;) {
            if (this.#refusedBy !== undefined) {
                throw new NotSent('the credential was refused', this.#refusedBy);
            }
            if (deadline.signal.aborted)
                throw deadlineFailure(deadline);
            const heldMs = this.#heldUntil - clock.now();
            if (this.#heldBy === undefined || heldMs <= 0)
                return;
            if (heldMs >= deadline.remainingMs()) {
                throw new NotSent('the API asks to wait past the deadline', this.#heldBy);
            }
            await clock.sleep(heldMs, deadline.signal).catch(() => undefined);
        }
    }
    #nextInMs(failure, number, retries) {
        if (!failure.transient)
            return undefined;
        const { clock, deadline, random } = this.#parts;
        const waitMs = failure.retryAfterMs ?? backoffMs(number, random());
        if (failure.status === 429) {
            this.#heldUntil = Math.max(this.#heldUntil, clock.now() + waitMs);
            this.#heldBy = failure;
        }
        return number > retries || waitMs >= deadline.remainingMs() ? undefined : waitMs;
    }
}

;// CONCATENATED MODULE: ./build/input-error.js
class InputError extends Error {
    name = 'InputError';
    input;
    constructor(input, takes, value) {
        super(`${input} ${takes}${value === undefined ? '' : `, not '${value}'`}`);
        this.input = input;
    }
}

;// CONCATENATED MODULE: ./build/endpoints.js

const CHECK_HOSTS = new Map([
    ['cn-north-4', 'codearts-check.cn-north-4.myhuaweicloud.com'],
    ['cn-north-1', 'codearts-check.cn-north-4.myhuaweicloud.com'],
    ['cn-south-1', 'codearts-check.cn-south-1.myhuaweicloud.com'],
    ['cn-east-2', 'codearts-check.cn-south-1.myhuaweicloud.com'],
    ['cn-east-3', 'codearts-check.cn-south-1.myhuaweicloud.com'],
    ['cn-southwest-2', 'codearts-check.cn-south-1.myhuaweicloud.com'],
    ['ap-southeast-3', 'devcloud.ap-southeast-3.myhuaweicloud.com'],
    ['la-north-2', 'devcloud.la-north-2.myhuaweicloud.com'],
    ['sa-brazil-1', 'devcloud.sa-brazil-1.myhuaweicloud.com'],
    ['eu-west-101', 'check.eu-west-101.myhuaweicloud.eu'],
]);
const DEFAULT_REGION = 'cn-north-4';
function regionEndpoint(region, source) {
    const host = CHECK_HOSTS.get(region);
    if (host === undefined) {
        const known = [...CHECK_HOSTS.keys()].join(', ');
        throw new InputError(source, `takes one of these regions: ${known}`, region);
    }
    return new URL(`https://${host}`);
}
const TAKES = 'takes a host name or https://host[:port][/path], without user, query or fragment; ' +
    'http:// only for localhost, 127.0.0.0/8 and [::1]';
const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const URL_FORM = /^[Hh][Tt][Tt][Pp][Ss]?:\/\/([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?((?:\/[A-Za-z0-9._~-]*)*)$/;
function parseEndpoint(value, input) {
    const text = HOST.test(value) ? `https://${value}` : value;
    const host = URL_FORM.exec(text)?.[1]?.toLowerCase();
    const url = host !== undefined && URL.canParse(text) ? new URL(text) : undefined;
    const sameHost = url !== undefined && (url.hostname === host || url.hostname.startsWith('['));
    if (!sameHost || (url.protocol === 'http:' && !isLoopback(url.hostname))) {
        throw new InputError(input, TAKES, value);
    }
    url.pathname = url.pathname.replace(/\/+$/, '');
    return url;
}
function isLoopback(hostname) {
    return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

;// CONCATENATED MODULE: ./build/inputs.js





const MAX_TASKS = 1000;
const SECRET_INPUTS = ['token', 'secret-access-key', 'security-token'];
const SECRET_VARIABLE = 'HUAWEI_CLOUD_SECRET_ACCESS_KEY';
const ID_TOKEN_REQUEST_TOKEN = 'ACTIONS_ID_TOKEN_REQUEST_TOKEN';
function readSettings(mask) {
    const secrets = [
        ...SECRET_INPUTS.map((name) => getInput(name)),
        ...[SECRET_VARIABLE, ID_TOKEN_REQUEST_TOKEN].map(variable),
    ];
    for (const secret of secrets.filter((value) => value !== ''))
        mask(secret);
    const taskIds = readTaskIds();
    const region = getInput('region') || variable('HUAWEI_CLOUD_REGION') || DEFAULT_REGION;
    const endpoint = readCheckEndpoint(region);
    const credential = readCredential(region);
    verifyCertificates();
    checkProxy(endpoint);
    if (credential.kind === 'keyless')
        checkProxy(credential.stsEndpoint);
    return Object.freeze({
        taskIds,
        credential,
        endpoint,
        wait: readChoice('wait', ['true', 'false'], 'false') === 'true',
        notRunningSucceeds: readChoice('if-not-running', ['fail', 'succeed'], 'fail') === 'succeed',
        timeoutSeconds: readInteger('timeout-seconds', { min: 1, max: 3600, fallback: 60 }),
        retries: readInteger('retries', { min: 0, max: 10, fallback: 3 }),
        hasSummary: variable('GITHUB_STEP_SUMMARY') !== '',
    });
}
function readTaskIds() {
    const takes = 'takes one or more task IDs, separated by commas or white space, each of 1 to 32 letters, digits, _ and -';
    const value = getInput('task-id');
    const taskIds = [...new Set(value.split(/[\s,]+/).filter((id) => id !== ''))];
    if (taskIds.length === 0) {
        throw new InputError('task-id', `${takes}; it is empty. Did the step that starts the scan set its output?`);
    }
    const bad = taskIds.find((id) => !/^[A-Za-z0-9_-]{1,32}$/.test(id));
    if (bad !== undefined)
        throw new InputError('task-id', takes, bad);
    if (taskIds.length > MAX_TASKS) {
        throw new InputError('task-id', `takes at most ${MAX_TASKS} task IDs, not ${taskIds.length}`);
    }
    return Object.freeze(taskIds);
}
function readCheckEndpoint(region) {
    const named = readEndpoint('endpoint');
    const inherited = getInput('region') === '';
    if (named !== undefined && inherited && /^[a-z0-9-]+$/.test(region))
        return named;
    const regional = regionEndpoint(region, inherited ? 'region (from $HUAWEI_CLOUD_REGION)' : 'region');
    return named ?? regional;
}
function readEndpoint(input) {
    const value = getInput(input);
    return value === '' ? undefined : parseEndpoint(value, input);
}
const KEY_PAIR = ['access-key-id', 'secret-access-key', 'security-token'];
const KEYLESS = ['oidc-provider-urn', 'agency-urn', 'oidc-audience', 'sts-endpoint'];
function readCredential(region) {
    const given = (names) => names.filter((name) => getInput(name) !== '');
    const [token, keyPair, keyless] = [given(['token']), given(KEY_PAIR), given(KEYLESS)];
    if ([token, keyPair, keyless].filter((names) => names.length > 0).length > 1) {
        throw new InputError(list([...token, ...keyPair, ...keyless]), 'belong to different kinds of credential: give a token, a key pair, or keyless, not two of them');
    }
    if (token.length > 0)
        return readToken();
    if (keyPair.length > 0)
        return readKeyPair();
    if (keyless.length > 0)
        return readKeyless(region);
    if (getInput('project-id')) {
        throw new InputError('project-id', 'goes with access-key-id and secret-access-key, or with oidc-provider-urn and agency-urn');
    }
    return readInheritedKeyPair();
}
function readToken() {
    if (getInput('project-id')) {
        throw new InputError('project-id', 'does not go with token, which is of one project already');
    }
    return { kind: 'token', token: readSecret('token', 100_000) };
}
function readKeyPair() {
    requireAll(['access-key-id', 'secret-access-key'], getInput);
    return {
        kind: 'key-pair',
        accessKeyId: readWord('access-key-id', 128),
        secretAccessKey: readSecret('secret-access-key', 256),
        securityToken: getInput('security-token') ? readSecret('security-token', 100_000) : undefined,
        projectId: getInput('project-id') ? readWord('project-id', 64) : undefined,
    };
}
function readInheritedKeyPair() {
    const keys = ['HUAWEI_CLOUD_ACCESS_KEY_ID', SECRET_VARIABLE];
    if (keys.every((name) => variable(name) === '')) {
        throw new InputError('token', 'is empty, and no other credential is given: it takes an IAM user token. Instead of it: ' +
            'access-key-id and secret-access-key, or oidc-provider-urn and agency-urn. ' +
            'If it comes from a secret, that secret is empty here: is its name right, ' +
            'and may this workflow read it (a run from a fork or of Dependabot may not)?');
    }
    requireAll(keys, variable);
    const project = 'HUAWEI_CLOUD_PROJECT_ID';
    return {
        kind: 'key-pair',
        accessKeyId: readWord(keys[0], 128, variable),
        secretAccessKey: readSecret(keys[1], 256, variable),
        securityToken: undefined,
        projectId: variable(project) ? readWord(project, 64, variable) : undefined,
    };
}
function readKeyless(region) {
    requireAll(['oidc-provider-urn', 'agency-urn'], getInput);
    const audience = getInput('oidc-audience');
    if (!/^[\x20-\x7e]{0,1024}$/.test(audience)) {
        throw new InputError('oidc-audience', 'takes up to 1024 visible ASCII characters');
    }
    const runId = [variable('GITHUB_RUN_ID'), variable('GITHUB_RUN_ATTEMPT')].join('-');
    return {
        kind: 'keyless',
        providerUrn: readUrn('oidc-provider-urn', 'oidcProvider'),
        agencyUrn: readUrn('agency-urn', 'agency'),
        audience: audience === '' ? undefined : audience,
        stsEndpoint: readEndpoint('sts-endpoint') ?? new URL(`https://sts.${region}.myhuaweicloud.com`),
        projectId: getInput('project-id') ? readWord('project-id', 64) : undefined,
        idTokenAvailable: variable('ACTIONS_ID_TOKEN_REQUEST_URL') !== '' && variable(ID_TOKEN_REQUEST_TOKEN) !== '',
        sessionName: `github-${runId.replace(/[^0-9-]/g, '')}`.slice(0, 128),
    };
}
function readSecret(name, max, read = getInput) {
    const value = read(name);
    if (value.length <= max && /^[\x21-\x7e]+$/.test(value))
        return value;
    throw new InputError(name, `takes 1 to ${max} visible ASCII characters, without white space; it has ${value.length} characters, ` +
        `${value.replace(/[\x21-\x7e]/g, '').length} of them others`);
}
function readWord(name, max, read = getInput) {
    const value = read(name);
    if (value.length <= max && /^[A-Za-z0-9_-]+$/.test(value))
        return value;
    throw new InputError(name, `takes 1 to ${max} letters, digits, _ and -`);
}
function readUrn(name, type) {
    const value = getInput(name);
    if (value.length <= 512 && new RegExp(`^iam::[^:\\s]+:${type}:[\\x21-\\x7e]+$`).test(value)) {
        return value;
    }
    throw new InputError(name, `takes a URN like iam::<account ID>:${type}:<name>`, value);
}
function readChoice(name, choices, fallback) {
    const value = getInput(name) || fallback;
    if (choices.includes(value))
        return value;
    throw new InputError(name, `takes ${choices.join(' or ')}`, value);
}
function readInteger(name, range) {
    const value = getInput(name);
    if (value === '')
        return range.fallback;
    const number = /^\d{1,4}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= range.min && number <= range.max)
        return number;
    throw new InputError(name, `takes a whole number from ${range.min} to ${range.max}`, value);
}
function requireAll(names, read) {
    const missing = names.filter((name) => read(name) === '');
    if (missing.length === 0)
        return;
    throw new InputError(list(missing), `must not be empty: ${list(names)} go together. ` +
        'If it comes from a secret, is its name right, and may this workflow read it?');
}
function verifyCertificates() {
    const name = 'NODE_TLS_REJECT_UNAUTHORIZED';
    if (variable(name) === '0')
        delete process.env[name];
}
function checkProxy(endpoint) {
    const names = ['https_proxy', 'HTTPS_PROXY'];
    for (const blank of names.filter((one) => variable(one) === ''))
        delete process.env[blank];
    const name = names.find((one) => variable(one) !== '');
    if (endpoint.protocol !== 'https:' || name === undefined || checkBypass(endpoint))
        return;
    let proxy = '';
    try {
        proxy = lib_getProxyUrl(endpoint.href);
    }
    catch {
    }
    if (!/^https?:\/\/[^/]/.test(proxy)) {
        throw new InputError(`$${name}`, 'takes http://[user:password@]host[:port]');
    }
}
function variable(name) {
    return process.env[name]?.trim() ?? '';
}
function list(names) {
    return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

;// CONCATENATED MODULE: ./build/report/text.js
const CONTROL = new RegExp('[\\x00-\\x1f\\x7f-\\x9f\\xad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u180e' +
    '\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb]' +
    '|\\ud804[\\udcbd\\udccd]|\\ud80d[\\udc30-\\udc3f]|\\ud82f[\\udca0-\\udca3]' +
    '|\\ud834[\\udd73-\\udd7a]|\\udb40[\\udc01\\udc20-\\udc7f]', 'g');
const PLAIN = /^[ -~\u2192\u2026]*$/;
function oneLine(text) {
    if (PLAIN.test(text))
        return text.trim();
    return text.toWellFormed().replace(CONTROL, ' ').trim();
}
function noCommand(line) {
    return line.replaceAll('##[', '# #[').replace(/^\s*::/, ': :');
}
function shorten(text, max) {
    return text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}\u2026`;
}
function escapeHtml(text) {
    return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
function duration(ms) {
    if (ms < 999.5)
        return `${Math.round(ms)} ms`;
    if (ms < 59_950)
        return `${(ms / 1000).toFixed(1)} s`;
    const seconds = Math.round(ms / 1000);
    return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

;// CONCATENATED MODULE: ./build/report/wording.js

const OUTCOME_WORDS = {
    stopped: 'stopped',
    'stop-requested': 'asked to stop',
    'not-running': 'not running',
    failed: 'failed',
};
const OUTCOME_SYMBOLS = {
    stopped: '\u2705',
    'stop-requested': '\u2611\ufe0f',
    'not-running': '\u26aa',
    failed: '\u274c',
};
const MAX_MESSAGE = 300;
function headline(results) {
    const [only] = results;
    if (only !== undefined && results.length === 1) {
        return `Scan ${only.taskId} ${only.outcome === 'failed' ? 'was not stopped' : OUTCOME_WORDS[only.outcome]}`;
    }
    const counts = Object.keys(OUTCOME_WORDS)
        .map((outcome) => ({
        words: OUTCOME_WORDS[outcome],
        count: results.filter((result) => result.outcome === outcome).length,
    }))
        .filter(({ count }) => count > 0);
    return counts
        .map(({ words, count }, index) => index === 0 ? `${count} of ${results.length} scans ${words}` : `${count} ${words}`)
        .join(', ');
}
function resultLine(result, secrets) {
    const { failure, durationMs } = result;
    const what = headline([result]);
    return failure === undefined
        ? `${what}, after ${duration(durationMs)}`
        : `${what}: ${failureWords(failure, secrets)}`;
}
function failureWords(failure, secrets) {
    const facts = [
        failure.code,
        failure.status === null ? '' : `HTTP ${failure.status}`,
        failure.requestId === '' ? '' : `request ID ${failure.requestId}`,
    ].filter((fact) => fact !== '');
    const message = secrets.clean(failure.message, MAX_MESSAGE);
    return facts.length === 0
        ? message
        : `${message} (${secrets.clean(facts.join(', '), MAX_MESSAGE)})`;
}

;// CONCATENATED MODULE: ./build/report/log.js



const MAX_LINE = 2_000;
class Log {
    #secrets;
    constructor(secrets) {
        this.#secrets = secrets;
    }
    line(text) {
        info(this.#harmless(text));
    }
    attempt(attempt) {
        this.line(describeAttempt(attempt));
    }
    task(alone) {
        if (alone) {
            return {
                line: (text) => this.line(text),
                attempt: (attempt) => this.attempt(attempt),
                end: (result) => {
                    if (result.outcome !== 'failed')
                        this.line(resultLine(result, this.#secrets));
                },
            };
        }
        const lines = [];
        const keep = (text) => lines.push(this.#harmless(text));
        return {
            line: keep,
            attempt: (attempt) => keep(describeAttempt(attempt)),
            end: (result) => {
                const title = resultLine(result, this.#secrets);
                if (lines.length === 0)
                    return this.line(title);
                startGroup(this.#harmless(title));
                for (const line of lines)
                    info(line);
                endGroup();
            },
        };
    }
    #harmless(text) {
        return this.#secrets.clean(text, MAX_LINE);
    }
}
function describeAttempt({ request, number, status, durationMs, failure, nextInMs, }) {
    const parts = [
        `${request.method} ${request.url.href} \u2192 ${status === null ? 'no answer' : `HTTP ${status}`} in ${duration(durationMs)}`,
    ];
    if (failure !== undefined)
        parts.push([failure.code, failure.message].filter(Boolean).join(' '));
    if (nextInMs !== undefined)
        parts.push(`attempt ${number + 1} in ${duration(nextInMs)}`);
    return parts.join('; ');
}

;// CONCATENATED MODULE: ./build/wait.js

const FIRST_INTERVAL_MS = 500;
const MAX_INTERVAL_MS = 10_000;
const INTERVAL_GROWTH = 1.5;
const LAST_LOOK_MS = 500;
const MIN_MS_BETWEEN_LINES = 3_000;
async function waitForEnd(taskId, { api, clock, deadline }, log) {
    const progress = new ProgressLines(log, clock);
    let last;
    for (let intervalMs = FIRST_INTERVAL_MS;; intervalMs *= INTERVAL_GROWTH) {
        const looked = await look(taskId, api, log);
        const verdict = verdictOf(looked);
        if (verdict !== undefined)
            return verdict;
        if (last === undefined || !isDeadline(looked))
            last = looked;
        progress.show(looked);
        const waitMs = nextLookMs(looked, Math.min(intervalMs, MAX_INTERVAL_MS), deadline);
        if (waitMs <= 0)
            return notConfirmed(last, deadline);
        await clock.sleep(waitMs, deadline.signal).catch(() => undefined);
    }
}
function verdictOf(looked) {
    if (looked instanceof RequestFailure) {
        return isFinal(looked) ? { outcome: 'stop-requested', unread: looked } : undefined;
    }
    if (looked.state === 'stopped')
        return { outcome: 'stopped' };
    const ended = looked.state !== 'checking' && looked.state !== 'unknown';
    return ended ? { outcome: 'not-running' } : undefined;
}
function nextLookMs(looked, intervalMs, deadline) {
    const remainingMs = deadline.remainingMs();
    const waitMs = Math.min(intervalMs, remainingMs - LAST_LOOK_MS);
    if (!(looked instanceof RequestFailure))
        return waitMs;
    const retryAfterMs = looked.retryAfterMs ?? 0;
    return looked instanceof NotSent || retryAfterMs >= remainingMs
        ? 0
        : Math.max(waitMs, retryAfterMs);
}
function isDeadline(looked) {
    return looked instanceof RequestFailure && looked.kind === 'deadline';
}
async function look(taskId, api, log) {
    try {
        return await api.status(taskId, (attempt) => {
            if (attempt.failure !== undefined)
                log.attempt(attempt);
        }, 0);
    }
    catch (error) {
        if (error instanceof RequestFailure)
            return error;
        throw error;
    }
}
function isFinal(failure) {
    if (failure instanceof NotSent)
        return failure.refusedCredential;
    return failure instanceof ApiRefusal && !failure.transient;
}
function notConfirmed(last, deadline) {
    const after = `after ${deadline.seconds} s (timeout-seconds)`;
    const taken = 'The API took the stop request, but';
    let message;
    if (last instanceof RequestFailure) {
        message = `${taken} the status of the scan could not be read before the deadline: ${last.message}`;
    }
    else if (last.state === 'checking') {
        message = `${taken} the scan was still being checked ${after}`;
    }
    else {
        message = `${taken} the scan had the unknown status ${last.taskStatus} ${after}`;
    }
    return {
        outcome: 'failed',
        failure: new NoAnswer(message, { kind: 'deadline', cause: last }),
    };
}
class ProgressLines {
    #log;
    #clock;
    #shown = '';
    #shownAtMs = Number.NEGATIVE_INFINITY;
    constructor(log, clock) {
        this.#log = log;
        this.#clock = clock;
    }
    show(status) {
        if (status instanceof RequestFailure)
            return;
        const ratio = status.ratio === undefined ? '' : `, ${status.ratio}`;
        const text = status.state === 'checking'
            ? `Still being checked${ratio}`
            : `Unknown status ${status.taskStatus}${ratio}`;
        const now = this.#clock.now();
        if (text === this.#shown || now - this.#shownAtMs < MIN_MS_BETWEEN_LINES)
            return;
        this.#shown = text;
        this.#shownAtMs = now;
        this.#log.line(text);
    }
}

;// CONCATENATED MODULE: ./build/stop-task.js



async function stopTasks(taskIds, parts, onResult) {
    const alone = taskIds.length === 1;
    const tried = Promise.withResolvers();
    const stop = async (taskId) => {
        const request = await requestStop(taskId, parts, parts.log.task(alone), tried.resolve);
        tried.resolve();
        const result = await settleStop(request, parts);
        onResult(result);
        return result;
    };
    const stopped = taskIds.slice(0, 1).map(stop);
    if (taskIds.length > 1)
        await tried.promise;
    return Promise.all([...stopped, ...taskIds.slice(1).map(stop)]);
}
async function requestStop(taskId, parts, log, onTried) {
    const startedMs = parts.clock.now();
    let attempts = 0;
    let statusCode = null;
    const outcome = await parts.api
        .stop(taskId, (attempt) => {
        attempts += 1;
        statusCode = attempt.status ?? statusCode;
        log.attempt(attempt);
        onTried();
    })
        .then((requestId) => ({ requestId, failure: undefined }), (error) => {
        const failure = asFailure(error);
        return { requestId: failure.requestId, failure };
    });
    return { taskId, log, startedMs, attempts, statusCode, ...outcome };
}
async function settleStop(request, parts) {
    const { log, startedMs, ...facts } = request;
    const verdict = await reach(request, parts);
    const durationMs = parts.clock.now() - startedMs;
    const result = { ...facts, failure: undefined, unread: undefined, ...verdict, durationMs };
    log.end(result);
    return result;
}
async function reach(request, parts) {
    const { taskId, log, failure } = request;
    if (failure === undefined) {
        return parts.wait ? waitForEnd(taskId, parts, log) : { outcome: 'stop-requested' };
    }
    const over = parts.notRunningSucceeds && maySayNotRunning(failure);
    return over && (await hasEnded(taskId, parts.api, log))
        ? { outcome: 'not-running', failure }
        : { outcome: 'failed', failure };
}
const CREDENTIAL_CODES = new Set([
    'CC.00000003',
    'CC.00050007',
    'CC.00050010',
    'CC.00050011',
]);
function maySayNotRunning(failure) {
    return (failure instanceof ApiRefusal &&
        failure.kind === 'api-error' &&
        !failure.transient &&
        failure.status !== 401 &&
        failure.status !== 403 &&
        !CREDENTIAL_CODES.has(failure.code));
}
async function hasEnded(taskId, api, log) {
    try {
        const { state } = await api.status(taskId, (attempt) => log.attempt(attempt));
        return state !== 'checking' && state !== 'unknown';
    }
    catch (error) {
        log.line(`Its status could not be read, so the refusal stands: ${errorText(error)}`);
        return false;
    }
}
function asFailure(error) {
    if (error instanceof RequestFailure)
        return error;
    return new NoAnswer(`Unexpected error: ${errorText(error)}`, { kind: 'other', cause: error });
}

;// CONCATENATED MODULE: ./build/main.js










async function main(parts) {
    const { clock, report, secrets } = parts;
    const settings = settingsOrReport(parts);
    if (settings === undefined)
        return false;
    const deadline = new Deadline(settings.timeoutSeconds, clock);
    const log = new Log(secrets);
    report.expect(settings.taskIds);
    log.line(intention(settings));
    const sender = new Sender({ ...parts, deadline, transport: new Transport(deadline, clock) });
    let credential;
    try {
        credential = await obtainCredential(settings.credential, {
            ...settings,
            ...parts,
            sender,
            deadline,
            log,
        });
        const api = new CheckApi(sender, settings.endpoint, credential, settings.retries);
        const stop = { ...settings, api, clock, deadline, log };
        await stopTasks(settings.taskIds, stop, (result) => report.add(result));
    }
    catch (error) {
        if (!(error instanceof RequestFailure))
            throw error;
        report.failRest(error);
    }
    const good = report.finish({ ...settings, credential });
    if (settings.hasSummary)
        await report.summarise();
    return good;
}
function settingsOrReport({ secrets, report }) {
    try {
        return readSettings((secret) => secrets.add(secret));
    }
    catch (error) {
        if (!(error instanceof InputError))
            throw error;
        report.abandon(error.message);
        return undefined;
    }
}
function intention({ taskIds, endpoint, timeoutSeconds }) {
    const what = taskIds.length === 1 ? `scan ${taskIds[0]}` : `${taskIds.length} scans`;
    return `Stopping ${what} at ${endpoint.host}, within ${timeoutSeconds} s`;
}

;// CONCATENATED MODULE: ./build/report/advice.js
const codeIs = (...codes) => (failure) => codes.includes(failure.code);
const kindIs = (...kinds) => (failure) => kinds.includes(failure.kind);
const statusIs = (...statuses) => ({ status }) => status !== null && statuses.includes(status);
const refusedBecause = (text) => (failure) => failure.code === 'APIGW.0301' && text.test(failure.message);
const renew = ({ credential }) => credential?.renewal ?? 'Check the credential.';
const maybeOver = (advice) => ({ notRunningSucceeds }) => notRunningSucceeds
    ? advice
    : `${advice} If the scan may be over already: if-not-running: succeed asks for its status, and makes that no failure.`;
const TRY_LATER = 'The API is busy: run the step again later, or give it more time (timeout-seconds) and attempts (retries).';
const PERMISSION = 'Grant the user codeartscheck:task:execute (an IAM policy, or a CodeArts project role that may execute tasks). A wrong region or endpoint shows in the same way.';
const WRONG_HOST = 'No such API at this host: check region and endpoint.';
const STATUS_UNKNOWN = 'The stop may have happened all the same: look at the task in CodeArts Check, or run the step again.';
const RULES = [
    { when: codeIs('CC.00000003', 'APIGW.0307'), advice: renew },
    { when: codeIs('CC.00000000', 'CC.00050012', 'CC.00050014'), advice: TRY_LATER },
    { when: codeIs('CC.00050007'), advice: renew },
    { when: codeIs('CC.00050010'), advice: PERMISSION },
    {
        when: codeIs('CC.00050011'),
        advice: 'Add the user to the CodeArts project of the task.',
    },
    {
        when: codeIs('CC.00050013'),
        advice: 'Check task-id and region: mostly one of them is wrong.',
    },
    {
        when: (failure) => /^CC\..+\.400$/.test(failure.code),
        advice: maybeOver('Check task-id: it is the ID of a check task; each of its branch tasks and incremental tasks has its own.'),
    },
    { when: codeIs('APIGW.0101', 'APIGW.0103'), advice: WRONG_HOST },
    {
        when: refusedBecause(/signature expired/i),
        advice: 'Set the clock of the runner: it is off by more than 15 minutes.',
    },
    {
        when: refusedBecause(/reach the limit/i),
        advice: 'The key pair is locked for 5 minutes, after more than five refusals: wait, then check access-key-id and secret-access-key.',
    },
    {
        when: refusedBecause(/verify aksk signature fail|ak .* not exist/i),
        advice: 'Check access-key-id and secret-access-key: one of them is wrong, or the pair was deleted.',
    },
    {
        when: refusedBecause(/decrypt token fail/i),
        advice: 'Check token: it is not a token, not all of one, or one of another region.',
    },
    { when: codeIs('APIGW.0301'), advice: renew },
    {
        when: codeIs('APIGW.0302', 'APIGW.0304', 'APIGW.0306', 'APIGW.0310'),
        advice: 'Check the permissions of the user and the state of the account and its project.',
    },
    {
        when: codeIs('APIGW.0308'),
        advice: 'The API throttles: run the step again later, or give it more time (timeout-seconds).',
    },
    {
        when: codeIs('PAP5.0001'),
        advice: 'An identity policy denies it: grant the action that the message names.',
    },
    {
        when: codeIs('STS5.1001'),
        advice: 'The trust policy of the agency does not match the ID token: compare its provider, audience (oidc-audience, and the client ID of the provider) and subject (repository, branch or environment) with this workflow run.',
    },
    {
        when: kindIs('id-token'),
        advice: 'Give the job the permission to ask for an ID token: permissions: id-token: write.',
    },
    {
        when: kindIs('redirect', 'not-json'),
        advice: 'Something other than the API answered: check region, endpoint, and the proxy or login page of the network.',
    },
    {
        when: kindIs('host-not-found', 'refused', 'unreachable', 'not-http'),
        advice: 'Check region and endpoint (for keyless also sts-endpoint), and whether this runner may reach the host.',
    },
    {
        when: kindIs('certificate'),
        advice: 'If the network has an authority of its own, name the file with its certificate in NODE_EXTRA_CA_CERTS. Verification cannot be turned off.',
    },
    {
        when: kindIs('tls'),
        advice: 'Check the scheme and port of endpoint, and the proxy of the network.',
    },
    {
        when: kindIs('proxy'),
        advice: 'Check the variables https_proxy and no_proxy of this runner.',
    },
    {
        when: kindIs('proxy-password'),
        advice: 'Name them in https_proxy: http://user:password@host:port, with special characters percent-encoded.',
    },
    { when: kindIs('reset', 'timeout', 'cut-short', 'too-long'), advice: STATUS_UNKNOWN },
    {
        when: kindIs('deadline'),
        advice: 'Give it more time (timeout-seconds), and look at the task in CodeArts Check: the stop may have happened all the same.',
    },
    { when: statusIs(401), advice: renew },
    { when: statusIs(403), advice: PERMISSION },
    { when: statusIs(400, 404), advice: maybeOver('Check task-id, region and endpoint.') },
    {
        when: statusIs(413, 414, 494),
        advice: 'The request is too large for the gateway: check token and endpoint.',
    },
    { when: statusIs(429), advice: TRY_LATER },
    { when: statusIs(504), advice: STATUS_UNKNOWN },
    { when: statusIs(500, 502, 503), advice: TRY_LATER },
];
function adviceFor(failure, context) {
    const rule = RULES.find(({ when }) => when(failure));
    return typeof rule?.advice === 'function' ? rule.advice(context) : rule?.advice;
}

;// CONCATENATED MODULE: ./build/report/annotation.js



const MAX_LISTED = 10;
const MAX_LENGTH = 4_000;
function annotationText(results, context, secrets) {
    const failed = results.flatMap(({ taskId, outcome, failure }) => outcome === 'failed' && failure !== undefined ? [{ taskId, failure }] : []);
    const advice = [...new Set(failed.flatMap(({ failure }) => adviceFor(failure, context) ?? []))];
    const room = MAX_LENGTH - advice.join('\n').length - 1;
    const lines = secrets.redact(failureLines(results, failed, secrets).join('\n'));
    return [shorten(lines, room), ...advice].join('\n');
}
function failureLines(results, failed, secrets) {
    const [only] = results;
    if (only !== undefined && results.length === 1)
        return [resultLine(only, secrets)];
    const listed = failed
        .slice(0, MAX_LISTED)
        .map(({ taskId, failure }) => `${taskId}: ${failureWords(failure, secrets)}`);
    const more = failed.length - listed.length;
    return [headline(results), ...listed, ...(more > 0 ? [`and ${more} more`] : [])];
}

;// CONCATENATED MODULE: ./build/report/outputs.js

const OUTPUT_NAMES = (/* unused pure expression or super */ null && ([
    'outcome',
    'status-code',
    'error-code',
    'error-message',
    'request-id',
    'results',
]));
const MAX_TEXT = 1_000;
const INVISIBLE = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;
function outputsOf(results, secrets) {
    const rows = results.map((result) => row(result, secrets));
    const shown = rows.find(({ outcome }) => outcome === 'failed') ?? rows[0];
    return {
        outcome: shown?.outcome ?? 'failed',
        'status-code': String(shown?.['status-code'] ?? ''),
        'error-code': shown?.['error-code'] ?? '',
        'error-message': shown?.['error-message'] ?? '',
        'request-id': shown?.['request-id'] ?? '',
        results: JSON.stringify(rows),
    };
}
function outputsWithoutTasks(message, secrets) {
    return {
        outcome: 'failed',
        'status-code': '',
        'error-code': '',
        'error-message': harmless(message, secrets),
        'request-id': '',
        results: '[]',
    };
}
function row(result, secrets) {
    return {
        'task-id': harmless(result.taskId, secrets),
        outcome: result.outcome,
        'status-code': result.statusCode,
        'error-code': harmless(result.failure?.code ?? '', secrets),
        'error-message': harmless(result.failure?.message ?? '', secrets),
        'request-id': harmless(result.requestId, secrets),
    };
}
function harmless(text, secrets) {
    return shorten(secrets.redact(text.toWellFormed().replace(INVISIBLE, ' ')), MAX_TEXT);
}

;// CONCATENATED MODULE: ./build/report/summary.js



const MAX_BYTES = 1_000_000;
const summary_MAX_MESSAGE = 200;
const MAX_OPEN_ROWS = 50;
const COLUMNS = [
    'Task',
    'Outcome',
    'HTTP status',
    'What the API said',
    'Request ID',
    'Attempts',
    'Duration',
];
async function writeSummary(results, secrets) {
    const failed = results.filter(({ outcome }) => outcome === 'failed');
    const others = results.filter(({ outcome }) => outcome !== 'failed');
    summary.emptyBuffer().addHeading(escapeHtml(secrets.redact(headline(results))), 3);
    if (results.length <= MAX_OPEN_ROWS) {
        addTable([...failed, ...others], secrets);
    }
    else {
        if (failed.length > 0)
            addTable(failed, secrets);
        if (others.length > 0) {
            summary.addRaw(`<details><summary>${others.length} others</summary>`);
            addTable(others, secrets);
            summary.addRaw('</details>').addEOL();
        }
    }
    await summary.write();
}
function addTable(results, secrets) {
    let bytes = Buffer.byteLength(summary.stringify());
    const rows = results
        .map((result) => cells(result, secrets))
        .filter((row) => {
        bytes += Buffer.byteLength(row.join('<td></td>')) + '<tr></tr>'.length;
        return bytes < MAX_BYTES;
    });
    summary.addTable([COLUMNS.map((data) => ({ data, header: true })), ...rows]);
    if (rows.length < results.length) {
        summary.addRaw(`<p>and ${results.length - rows.length} more</p>`).addEOL();
    }
}
function cells(result, secrets) {
    const { outcome, failure, unread } = result;
    const reason = failure ?? unread;
    const said = reason === undefined ? '' : [reason.code, reason.message].filter(Boolean).join(' ');
    const code = (text) => text === '' ? ' ' : `<code>${escapeHtml(secrets.clean(text, summary_MAX_MESSAGE))}</code>`;
    return [
        code(result.taskId),
        `${OUTCOME_SYMBOLS[outcome]} ${OUTCOME_WORDS[outcome]}`,
        String(result.statusCode ?? '\u2013'),
        code(said),
        code(result.requestId),
        String(result.attempts),
        duration(result.durationMs),
    ];
}

;// CONCATENATED MODULE: ./build/report/report.js







const TITLE = 'Stop CodeArts Check Task';
const report_MAX_MESSAGE = 1_000;
class Report {
    #secrets;
    #results = new Map();
    #hasError = false;
    constructor(secrets) {
        this.#secrets = secrets;
    }
    expect(taskIds) {
        for (const taskId of taskIds)
            this.#results.set(taskId, undefined);
    }
    add(result) {
        this.#results.set(result.taskId, result);
    }
    failRest(failure) {
        for (const [taskId, result] of this.#results) {
            if (result !== undefined)
                continue;
            this.add({
                taskId,
                outcome: 'failed',
                statusCode: null,
                requestId: '',
                attempts: 0,
                durationMs: 0,
                failure,
                unread: undefined,
            });
        }
    }
    finish(context) {
        const results = this.#known();
        this.#setOutputs(outputsOf(results, this.#secrets));
        this.#warnOfUnread(results);
        const good = results.every(({ outcome }) => outcome !== 'failed');
        if (!good)
            this.#error(annotationText(results, context, this.#secrets));
        return good;
    }
    async summarise() {
        try {
            await writeSummary(this.#known(), this.#secrets);
        }
        catch (cause) {
            this.#warning(this.#clean(`The job summary could not be written: ${errorText(cause)}`));
        }
    }
    abandon(message) {
        this.#setOutputs(outputsWithoutTasks(message, this.#secrets));
        this.#error(this.#clean(message));
    }
    crash(message) {
        this.failRest(new NoAnswer(message, { kind: 'other' }));
        const results = this.#known();
        try {
            this.#setOutputs(results.length === 0
                ? outputsWithoutTasks(message, this.#secrets)
                : outputsOf(results, this.#secrets));
        }
        catch {
        }
        if (!this.#hasError)
            this.#error(this.#clean(message));
    }
    #known() {
        return [...this.#results.values()].filter((result) => result !== undefined);
    }
    #setOutputs(outputs) {
        for (const [name, value] of Object.entries(outputs))
            setOutput(name, value);
    }
    #warnOfUnread(results) {
        const unread = results.filter((result) => result.unread !== undefined);
        const [first] = unread;
        if (first?.unread === undefined)
            return;
        const which = unread.length === 1 ? `scan ${first.taskId}` : `${unread.length} scans (${first.taskId}, \u2026)`;
        const why = failureWords(first.unread, this.#secrets);
        this.#warning(`The API took the stop request, but the status of ${which} could not be read: ${why}\n` +
            'Reading it takes the permission codeartscheck:task:get.');
    }
    #error(message) {
        this.#hasError = true;
        error(message, { title: TITLE });
    }
    #warning(message) {
        warning(message, { title: TITLE });
    }
    #clean(message) {
        return this.#secrets.clean(message, report_MAX_MESSAGE);
    }
}

;// CONCATENATED MODULE: ./build/report/secrets.js


class Secrets {
    #values = new Set();
    add(secret) {
        setSecret(secret);
        this.#values.add(secret);
        this.#values.add(encodeURIComponent(secret.toWellFormed()));
    }
    redact(text) {
        const longestFirst = [...this.#values].sort((a, b) => b.length - a.length);
        return longestFirst.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
    }
    clean(text, max) {
        return shorten(noCommand(this.redact(oneLine(text))), max);
    }
}

;// CONCATENATED MODULE: ./build/run.js

function run(main, parts, host) {
    let ended = false;
    const end = (code) => {
        ended = true;
        host.flush(() => host.exit(code));
    };
    const crash = (message) => {
        if (ended)
            return;
        parts.report.crash(message);
        end(1);
    };
    const unexpected = (error) => crash(`Unexpected error: ${errorText(error)}`);
    host.on('uncaughtException', unexpected);
    host.on('unhandledRejection', unexpected);
    host.on('beforeExit', () => crash('The process ran out of work before it was done'));
    for (const signal of ['SIGINT', 'SIGTERM']) {
        host.on(signal, () => crash(`The step was cancelled (${signal})`));
    }
    main(parts).then((good) => end(good ? 0 : 1), unexpected);
}

;// CONCATENATED MODULE: ./build/index.js





const secrets = new Secrets();
run(main, { clock: systemClock, random: Math.random, secrets, report: new Report(secrets) }, {
    on: (event, listener) => process.on(event, listener),
    exit: (code) => process.exit(code),
    flush: (done) => process.stdout.write('', done),
});

})();

module.exports = __webpack_exports__;
/******/ })()
;