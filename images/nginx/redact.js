// Removes secrets: headers that carry credentials or addresses of callers, always, and what the settings name.

const REDACTED = '[REDACTED]';
const SECRET = /auth|cookie|token|secret|passw|pwd|(api|access|account|private|subscription)[-_]?key|credential|session|signature|jwt|client-cert/;
const CALLER = /^(forwarded|x-forwarded-for|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-connecting-ip|x-envoy-external-address)$/;

// The value of a header, by its name in lower case.
function header(name, value) {
    const redacted = SECRET.test(name) || CALLER.test(name) || Array.from(capturing.headers).indexOf(name) >= 0;
    return redacted ? REDACTED : value;
}

// Redacts what the keys from `at` on lead to. `*` is every item of a list.
function walk(value, path, at) {
    if (value === null || typeof value !== 'object') {
        return;
    }
    const key = path[at];
    const keys = key !== '[*]' ? [key] : Array.isArray(value) ? Object.keys(value) : [];
    keys.forEach((each) => {
        if (!Object.prototype.hasOwnProperty.call(value, each) || (key !== '[*]' && Array.isArray(value))) {
            return;
        }
        if (at === path.length - 1) {
            value[each] = REDACTED;
        } else {
            walk(value[each], path, at + 1);
        }
    });
}

function document(text) {
    const value = JSON.parse(text);
    Array.from(capturing.paths).forEach((path) => walk(value, path, 0));
    return JSON.stringify(value);
}

// A JSON text, or lines of them, without the values at the paths; undefined: it is none.
function body(text, isLines) {
    try {
        return isLines ? text.split('\n').map((line) => line.trim() && document(line)).join('\n') : document(text);
    } catch (error) {
        return undefined;
    }
}

export default { header, body };
