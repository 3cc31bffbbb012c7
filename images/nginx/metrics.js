// Turns nginx's stub_status into Prometheus' text format, with the metric names of NGINX's own exporter.
// Debian's njs is 0.7: no destructuring. It must not measure anything itself.

const METRICS = [
    { name: 'nginx_connections_active', type: 'gauge', help: 'Open client connections.', pattern: /Active connections: (\d+)/ },
    { name: 'nginx_connections_accepted', type: 'counter', help: 'Accepted client connections.', pattern: /\n\s*(\d+) \d+ \d+/ },
    { name: 'nginx_connections_handled', type: 'counter', help: 'Handled client connections.', pattern: /\n\s*\d+ (\d+) \d+/ },
    { name: 'nginx_http_requests_total', type: 'counter', help: 'Client requests, probes and scrapes included.', pattern: /\n\s*\d+ \d+ (\d+)/ },
    { name: 'nginx_connections_reading', type: 'gauge', help: 'Connections whose request is being read.', pattern: /Reading: (\d+)/ },
    { name: 'nginx_connections_writing', type: 'gauge', help: 'Connections that are being answered.', pattern: /Writing: (\d+)/ },
    { name: 'nginx_connections_waiting', type: 'gauge', help: 'Idle connections.', pattern: /Waiting: (\d+)/ },
];

function sample(status, metric) {
    const value = metric.pattern.exec(status)[1];
    return `# HELP ${metric.name} ${metric.help}\n# TYPE ${metric.name} ${metric.type}\n${metric.name} ${value}\n`;
}

function text(status) {
    return METRICS.map((metric) => sample(status, metric)).join('');
}

function exposition(r) {
    r.subrequest('/status', (reply) => {
        r.headersOut['Content-Type'] = 'text/plain; version=0.0.4; charset=utf-8';
        r.return(200, text(reply.responseText));
    });
}

export default { exposition };
