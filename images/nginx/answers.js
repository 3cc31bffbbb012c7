// Detects model responses that cannot be passed on unchanged.

const NO_CONTENT = 204;

// The error in a response's head, if any.
function fault(r) {
    if (r.status < 200) {
        return `its status is ${r.status}; informational answers (1xx) are not supported`;
    }
    return '';
}

// Corrects what gateways reject and nginx does not.
function correct(r) {
    if (r.status === NO_CONTENT) {
        delete r.headersOut['Content-Length'];
    }
}

// Removes all headers that the model has set.
function clear(r) {
    for (const name in r.headersOut) {
        delete r.headersOut[name];
    }
}

export default { fault, correct, clear };
