// Removes secrets: headers that carry credentials or addresses of callers, always, and what the settings name.

const REDACTED = '[REDACTED]';
const SECRET = /auth|cookie|token|secret|passw|pwd|(api|access|account|private|subscription)[-_]?key|credential|session|signature|jwt|client-cert/;
const CALLER = /^(forwarded|x-forwarded-for|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-connecting-ip|x-envoy-external-address)$/;

// The value of a header, by its name in lower case.
function header(name, value) {
    const redacted = SECRET.test(name) || CALLER.test(name) || Array.from(capturing.headers).indexOf(name) >= 0;
    return redacted ? REDACTED : value;
}

// Redacts one member, or what the rest of the path leads to in it.
function replace(value, key, path, at) {
    if (at === path.length - 1) {
        value[key] = REDACTED;
    } else {
        walk(value[key], path, at + 1);
    }
}

// Redacts what the keys from `at` on lead to; `[*]` is every item of a list.
function walk(value, path, at) {
    const isList = Array.isArray(value);
    if (value === null || typeof value !== 'object' || isList !== (path[at] === '[*]')) {
        return;
    }
    if (!isList) {
        if (Object.prototype.hasOwnProperty.call(value, path[at])) {
            replace(value, path[at], path, at);
        }
        return;
    }
    const length = value.length;
    for (let i = 0; i < length; i++) {
        replace(value, i, path, at);
    }
}

// As JSON.stringify, which takes 12 us for each item of a list.
function written(value) {
    if (value === null || typeof value !== 'object') {
        return typeof value === 'string' || typeof value === 'number' ? JSON.stringify(value) : String(value);
    }
    if (Array.isArray(value)) {
        return `[${value.map(written).join(',')}]`;
    }
    return `{${Object.keys(value).map((key) => `${JSON.stringify(key)}:${written(value[key])}`).join(',')}}`;
}

function document(text) {
    const value = JSON.parse(text);
    Array.from(capturing.paths).forEach((path) => walk(value, Array.from(path), 0)); // preloaded lists are slow
    return written(value);
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
