// A record of a request in the format of SageMaker's Data Capture, with a key of our own.

import fs from 'fs';
import redact from 'redact.js';
import settings from 'settings.js';

const HEADERS = 16 * 1024; // characters of names and values; what is beyond is left out
const JSON_TYPE = /^application\/(json|([a-z0-9.-]+\+)?json|x-ndjson|ndjson|jsonlines|jsonl|json-seq)$/;
const LINES_TYPE = /(ndjson|jsonlines|jsonl)$/;
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f]/; // in JSON each would take six characters
const INFERENCE_ID = /^[\x21-\x7e]{1,64}$/;

function fault(reason) {
    return { reason: reason };
}

// Whether a body's size is known to be more than is captured.
function inputIsTooLarge(r) {
    return capturing.input && Number(r.headersIn['Content-Length']) > capturing.maxBytes
        && settings.listed(r.headersIn['Content-Type']);
}

// The body of a request that was received whole; undefined if it is too large.
function received(r) {
    const file = r.variables.request_body_file;
    if (file) {
        return fs.statSync(file).size > capturing.maxBytes ? undefined : fs.readFileSync(file);
    }
    const body = r.requestBuffer || Buffer.from('');
    return body.length > capturing.maxBytes ? undefined : body;
}

function encoding(type) {
    return JSON_TYPE.test(type) ? 'JSON' : type === 'text/csv' ? 'CSV' : 'BASE64';
}

// Undefined if it is not valid UTF-8.
function decoded(bytes) {
    try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (error) {
        return undefined;
    }
}

// A body as SageMaker writes it. Where something is redacted, it must be JSON.
function body(mode, header, bytes) {
    const type = settings.mediaType(header);
    let text = bytes.length ? decoded(bytes) : '';
    if (capturing.paths.length && bytes.length) {
        text = text === undefined ? undefined : redact.body(text, LINES_TYPE.test(type));
        if (text === undefined) {
            return fault('unredactable');
        }
    }
    const textual = text === undefined || CONTROL.test(text) ? 'BASE64' : encoding(type);
    const data = textual !== 'BASE64' ? text : (text === undefined ? bytes : Buffer.from(text)).toString('base64');
    return { observedContentType: type, mode: mode, data: data, encoding: textual };
}

function headers(pairs) {
    const all = {};
    let room = HEADERS;
    pairs.forEach((pair) => {
        const name = pair[0].toLowerCase();
        const value = redact.header(name, pair[1]);
        room -= name.length + value.length;
        if (room >= 0) {
            all[name] = name in all ? `${all[name]}, ${value}` : value;
        }
    });
    return all;
}

function seconds(text) {
    const value = parseFloat(text);
    return value >= 0 ? value : undefined;
}

function input(r) {
    if (!capturing.input || !settings.listed(r.headersIn['Content-Type'])) {
        return undefined;
    }
    if (inputIsTooLarge(r)) {
        return fault('too_large');
    }
    if (!r.variables.stage) {
        return undefined; // rejected, or not received whole
    }
    const bytes = received(r);
    return bytes === undefined ? fault('too_large') : body('INPUT', r.headersIn['Content-Type'], bytes);
}

// Whether the caller was sent all of the response. Without a body, none has an end.
function isComplete(r, whole) {
    const status = r.variables.status;
    const ended = whole || r.variables.method === 'HEAD' || status === '204' || status === '304';
    return ended && (r.variables.request_completion === 'OK' || r.variables.stage === 'rejected');
}

function output(r, bytes, whole) {
    if (!isComplete(r, whole) || !capturing.output || !settings.listed(r.headersOut['Content-Type'])) {
        return undefined;
    }
    return body('OUTPUT', r.headersOut['Content-Type'], bytes);
}

function unlisted(r) {
    const types = [capturing.input && r.headersIn['Content-Type'], capturing.output && r.headersOut['Content-Type']];
    return !(capturing.input && settings.listed(types[0]) || capturing.output && settings.listed(types[1]));
}

function inferenceId(r) {
    const given = r.headersIn['X-Amzn-SageMaker-Inference-Id'] || r.headersIn['Inference-Id'];
    return given && INFERENCE_ID.test(given) ? given : undefined;
}

function request(r, began) {
    const variables = r.variables;
    return Object.assign({}, capturing.names, {
        method: variables.method,
        path: variables.path,
        startTime: began,
        status: Number(variables.status),
        requestSeconds: seconds(variables.request_time),
        modelSeconds: seconds(variables.upstream_response_time),
        requestHeaders: headers(r.rawHeadersIn),
        responseHeaders: headers(r.rawHeadersOut),
    });
}

// The record, without its place in the spool (`mlendpoints.boot`, `.sequence`), or the reason for which there is none.
function make(r, bytes, whole) {
    if (unlisted(r)) {
        return fault('content_type');
    }
    const data = { endpointInput: input(r), endpointOutput: output(r, bytes, whole) };
    const failed = [data.endpointInput, data.endpointOutput].filter((each) => each && each.reason)[0];
    if (failed) {
        return failed;
    }
    const began = new Date(Date.now() - 1000 * parseFloat(r.variables.request_time)).toISOString();
    return {
        captureData: data,
        eventMetadata: { eventId: r.variables.trace, inferenceTime: `${began.slice(0, 19)}Z`, inferenceId: inferenceId(r) },
        eventVersion: '0',
        mlendpoints: request(r, began),
    };
}

export default { make, inputIsTooLarge };
