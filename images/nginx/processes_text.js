// The samples of what processes.js has read, for /metrics. Without Fluent Bit none; while it does not answer, only that.

const UP = 'mlendpoints_process_metrics_up';
const LABELS = ['process', 'mode'];

// Of a key such as "mlendpoints_process_cpu_seconds_total user model".
function labels(key) {
    return key.split(' ').slice(1).reverse().map((value, i) => `${LABELS[i]}="${value}"`).join(',');
}

// By name, the labels beside the pod's own, and the values.
function samples() {
    const zone = ngx.shared.processes;
    const up = zone.get('up');
    const found = {};
    if (up !== undefined) {
        found[UP] = [['', up]];
    }
    zone.keys().filter((key) => up && key !== 'up').sort().forEach((key) => {
        const name = key.slice(0, key.indexOf(' '));
        found[name] = (found[name] || []).concat([[labels(key), zone.get(key)]]);
    });
    return found;
}

export default { samples };
