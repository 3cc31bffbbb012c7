// How a pod leaves: the proxy serves on until gateways know, and the model outlives whatever is in flight.
//
// Kubernetes runs the preStop hooks of all containers of a pod at the same time, and stops each container once its hook
// is answered. The proxy's hook requests /drain, the model's /drained. A model that is restarted alone, such as by its
// liveness probe, has no proxy that drains: its hook is answered after a moment.
// Each hook is one request, which is held by timers.

const TICK = 100; // ms
const MOMENT = 1000; // ms within which the hooks of one pod have begun, and a container whose hook is answered is stopped
const GRACE = 120 * 1000; // ms after which a pod that drained is gone: what is older was no hook

function milliseconds(r) {
    return 1000 * (parseInt(r.args.seconds, 10) || 0);
}

// The proxy is about to be stopped: answered once it has served for so long.
function drain(r) {
    ngx.shared.drain.set('since', Date.now());
    setTimeout(() => r.return(200, 'drained\n'), Math.max(MOMENT, milliseconds(r)));
}

// Nothing but this request is in flight; bodies that are still received count, idle connections do not.
function isIdle(r) {
    return Number(r.variables.connections_reading) + Number(r.variables.connections_writing) <= 1;
}

// The model is about to be stopped: answered once the proxy has drained and nothing is in flight.
function drained(r) {
    const begun = Date.now();
    const seconds = milliseconds(r);

    function look() {
        const since = ngx.shared.drain.get('since');
        const now = Date.now();
        const drains = since !== undefined && now - since < seconds + GRACE;
        if (drains ? now - since >= Math.max(MOMENT, seconds) + MOMENT && isIdle(r) : now - begun >= MOMENT) {
            r.return(200, 'drained\n');
        } else {
            setTimeout(look, TICK);
        }
    }
    look();
}

export default { drain, drained };
