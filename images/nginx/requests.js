// What nginx's configuration cannot express about a request.

const ID = /^[A-Za-z0-9][A-Za-z0-9_.:/+=-]{0,127}$/;

// The caller's request id if it is valid, else nginx's own. $http_x_request_id would be X_Request_Id's, too.
function trace(r) {
    const given = r.headersIn['X-Request-Id'];
    return given && ID.test(given) ? given : r.variables.request_id;
}

export default { trace };
