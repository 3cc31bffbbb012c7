// The pod's metrics in Prometheus' text format. metrics.json declares them; counts.js counts.
// njs has no destructuring and no spread, and preloaded arrays have no methods. It must not measure anything itself.

import processes from 'processes_text.js';
import progress from 'progress.js';

const MAX_KEYS = 4096; // more than the zone can hold

// What counts.js has counted: name -> rest of the key -> value.
function counted() {
    const values = {};
    ngx.shared.metrics.items(MAX_KEYS).forEach((item) => {
        const key = item[0].split(' ');
        values[key[0]] = values[key[0]] || {};
        values[key[0]][key[1] || ''] = item[1];
    });
    return values;
}

// nginx' own figures, in the order in which stub_status lists them.
function connections(status) {
    const numbers = status.match(/\d+/g);
    return {
        nginx_connections_active: numbers[0],
        nginx_connections_accepted: numbers[1],
        nginx_connections_handled: numbers[2],
        nginx_http_requests_total: numbers[3],
        nginx_connections_reading: numbers[4],
        nginx_connections_writing: numbers[5],
        nginx_connections_waiting: numbers[6],
    };
}

// Figures that are not counted; undefined: not known here.
function current(r, status) {
    return Object.assign(connections(status), {
        mlendpoints_requests_in_flight: progress.inFlight(),
        mlendpoints_cpu_requested_cores: r.variables.cpu_requested || undefined,
        mlendpoints_memory_limit_bytes: r.variables.memory_limit || undefined,
        mlendpoints_metric_updates_lost_total: ngx.shared.lost.get('updates') || 0,
    });
}

function sample(name, labels, value) {
    return `${name}{${labels}} ${value}\n`;
}

// One sample for each value of the metric's label; the usual ones begin at 0, so that a rate sees their first request.
function byLabel(metric, labels, values) {
    const all = {};
    Array.from(declared.codes).forEach((code) => {
        all[code] = 0;
    });
    Object.assign(all, values);
    return Object.keys(all).sort().map((key) => sample(metric.name, `${labels},${metric.labels[0]}="${key}"`, all[key]));
}

function histogram(r, name, labels, values) {
    const longest = progress.timeout(r);
    const bounds = Array.from(declared.buckets);
    if (longest > bounds[bounds.length - 1]) {
        bounds.push(longest);
    }
    let count = 0;
    const buckets = bounds.map((bound) => {
        count += values[bound] || 0;
        return sample(`${name}_bucket`, `${labels},le="${bound / 1000}"`, count);
    });
    count += values['+Inf'] || 0;
    return buckets.concat([
        sample(`${name}_bucket`, `${labels},le="+Inf"`, count),
        sample(`${name}_sum`, labels, (values.sum || 0) / 1000),
        sample(`${name}_count`, labels, count),
    ]);
}

function samples(r, metric, values, now) {
    const labels = r.variables.metric_labels;
    if (Array.isArray(values)) {
        return values.map((pair) => sample(metric.name, pair[0] ? `${labels},${pair[0]}` : labels, pair[1]));
    }
    if (metric.type === 'histogram') {
        return histogram(r, metric.name, labels, values);
    }
    if (metric.labels) {
        return byLabel(metric, labels, values);
    }
    const value = metric.name in now ? now[metric.name] : values[''] || 0;
    return value === undefined ? [] : [sample(metric.name, labels, value)];
}

function family(r, metric, values, now) {
    const lines = samples(r, metric, values, now).join('');
    return lines && `# HELP ${metric.name} ${metric.help}\n# TYPE ${metric.name} ${metric.type}\n${lines}`;
}

function text(r, status, further) {
    const all = Object.assign(counted(), further);
    const now = current(r, status);
    const here = Array.from(declared.metrics).filter((metric) => !metric.only || metric.name in further);
    return here.map((metric) => family(r, metric, all[metric.name] || {}, now)).join('');
}

// Answers with all metrics; `further` has, by name, the samples of those that only some pods have: labels and values.
function expose(r, further) {
    r.subrequest('/status', (reply) => {
        r.headersOut['Content-Type'] = 'text/plain; version=0.0.4; charset=utf-8';
        r.return(200, text(r, reply.responseText, Object.assign(processes.samples(), further)));
    });
}

function exposition(r) {
    expose(r, {});
}

export default { exposition, expose };
