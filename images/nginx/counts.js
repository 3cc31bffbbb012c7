// Counts each request of a caller in the log phase, when its status, its bytes and its times are final.
//
// A key in shared memory is the name of a metric and, for one with several values, the rest of the sample: a status, the
// upper bound of a bucket in ms, or "sum" in ms. Buckets are not cumulative here, so that a request adds to one only.

import buckets from 'buckets.js';
import progress from 'progress.js';

function add(zone, key, amount) {
    try {
        zone.incr(key, amount, 0);
    } catch (full) {
        ngx.shared.lost.incr('updates', 1, 0);
    }
}

function bucket(r, time) {
    for (let i = 0; i < buckets.BOUNDS.length; i++) {
        if (time <= buckets.BOUNDS[i]) {
            return buckets.BOUNDS[i];
        }
    }
    const longest = progress.timeout(r);
    return time <= longest ? longest : '+Inf';
}

function observe(r, zone, name, time) {
    add(zone, `${name} ${bucket(r, time)}`, 1);
    add(zone, `${name} sum`, time);
}

function milliseconds(seconds) {
    return Math.round(1000 * parseFloat(seconds)) || 0;
}

// The request is over; every request of callers is counted and logged.
function count(r) {
    const variables = r.variables;
    const zone = ngx.shared.metrics; // looked up once: it is not free
    progress.end(r);
    add(zone, `mlendpoints_requests_total ${variables.status}`, 1);
    add(zone, 'mlendpoints_request_bytes_total', Number(variables.request_length));
    add(zone, 'mlendpoints_response_bytes_total', Number(variables.bytes_sent));
    const duration = milliseconds(variables.request_time);
    observe(r, zone, 'mlendpoints_request_duration_seconds', duration);
    if (parseFloat(variables.upstream_connect_time) >= 0) { // the model server has accepted it
        const model = milliseconds(variables.upstream_response_time);
        observe(r, zone, 'mlendpoints_model_latency_seconds', model);
        observe(r, zone, 'mlendpoints_overhead_latency_seconds', Math.max(0, duration - model));
    }
    return '1';
}

export default { count };
