<?php
// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Passes one request of an old URL on to Isthmus and its answer back, unchanged. Each path has a file of two lines which
 * names its backend and its path; nothing of the client ever decides where a request goes.
 *
 * Old farms run old programs: the syntax is that of PHP 5.6, and works up to 8.x. The curl extension is used when it is
 * there, a plain socket otherwise. Memory stays bounded: a request's body is spooled (in memory up to ISTHMUS_SPOOL,
 * then in a temporary file), an answer is passed on as it arrives.
 */

if (isset($_SERVER['SCRIPT_FILENAME']) && realpath($_SERVER['SCRIPT_FILENAME']) === __FILE__) {
    http_response_code(404); // asked for by its own name
    exit;
}

define('ISTHMUS_SPOOL', 1048576);
define('ISTHMUS_CHUNK', 65536);
define('ISTHMUS_QUERY_MAX', 16384);
define('ISTHMUS_HEADERS_MAX', 65536);
define('ISTHMUS_PARTS_MAX', 256);

/* Ends the request with an answer of its own. */
class IsthmusRefusal extends Exception
{
}

/* Headers that speak of one connection only (RFC 9110, 7.6.1). */
function isthmus_hop_by_hop()
{
    return array('connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer',
        'transfer-encoding', 'upgrade');
}

/* A value that could end its line or hold a second one is never passed on. */
function isthmus_is_header_value($value)
{
    return preg_match('/[\x00-\x08\x0a-\x1f\x7f]/', $value) !== 1;
}

/* The number of a Content-Length, or null. */
function isthmus_length($text)
{
    return preg_match('/^[0-9]{1,15}$/D', $text) ? (int)$text : null;
}

// ---- configuration ----

/* config.php beside this file, then the environment: ISTHMUS_BACKEND_ and the option's name in capitals. */
function isthmus_config()
{
    $config = array(
        'session_manager' => 'http://127.0.0.1:8080',
        'application_server' => 'http://127.0.0.1:8082',
        'ca_file' => '',
        'connect_timeout' => 10,
        'timeout' => 130,
        'body_max' => 67108864,
        'trusted_proxies' => '',
        'pass_headers' => '',
    );
    if (is_file(__DIR__ . '/config.php')) {
        $file = require __DIR__ . '/config.php';
        if (!is_array($file)) {
            throw new IsthmusRefusal('config.php gives no array', 500);
        }
        $config = array_merge($config, $file);
    }
    foreach (array_keys($config) as $name) {
        $value = getenv('ISTHMUS_BACKEND_' . strtoupper($name));
        if ($value !== false && $value !== '') {
            $config[$name] = $value;
        }
    }
    foreach (array('connect_timeout', 'timeout', 'body_max') as $name) {
        if (!preg_match('/^[1-9][0-9]{0,9}$/', (string)$config[$name])) {
            throw new IsthmusRefusal("$name is no number", 500);
        }
        $config[$name] = (int)$config[$name];
    }
    return $config;
}

/* The parts of a backend's address: scheme, host, port, and what stands before the path. */
function isthmus_backend($config, $name)
{
    $pattern = '{^(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?((?:/[A-Za-z0-9._~-]+)*)/?$}D';
    if (!preg_match($pattern, (string)$config[$name], $m)) {
        throw new IsthmusRefusal("$name is no http or https address", 500);
    }
    $port = $m[3] !== '' ? (int)$m[3] : ($m[1] === 'https' ? 443 : 80);
    return array('scheme' => $m[1], 'host' => $m[2], 'port' => $port, 'prefix' => $m[4]);
}

// ---- the client's address ----

/* Is the address in the network "10.0.0.0/8" or is it the address "10.1.2.3"? Of both families. */
function isthmus_in_network($address, $network)
{
    $parts = explode('/', $network, 2);
    $a = @inet_pton($address);
    $n = @inet_pton($parts[0]);
    if ($a === false || $n === false || strlen($a) !== strlen($n)) {
        return false;
    }
    $bits = isset($parts[1]) ? (int)$parts[1] : 8 * strlen($n);
    if ($bits < 0 || $bits > 8 * strlen($n)) {
        return false;
    }
    $bytes = $bits >> 3;
    if (strncmp($a, $n, $bytes) !== 0) {
        return false;
    }
    $mask = 0xff & (0xff00 >> ($bits & 7));
    return $mask === 0 || (ord($a[$bytes]) & $mask) === (ord($n[$bytes]) & $mask);
}

function isthmus_is_trusted($address, $networks)
{
    foreach ($networks as $network) {
        if (isthmus_in_network($address, $network)) {
            return true;
        }
    }
    return false;
}

/* The peer; behind a proxy that the configuration names, what that one says: from the right, the first that is no proxy. */
function isthmus_client_address($config)
{
    $address = isset($_SERVER['REMOTE_ADDR']) ? $_SERVER['REMOTE_ADDR'] : '';
    $networks = preg_split('/[\s,]+/', (string)$config['trusted_proxies'], -1, PREG_SPLIT_NO_EMPTY);
    $said = isset($_SERVER['HTTP_X_FORWARDED_FOR']) ? explode(',', $_SERVER['HTTP_X_FORWARDED_FOR']) : array();
    while ($said && isthmus_is_trusted($address, $networks)) {
        $next = trim(array_pop($said));
        if (@inet_pton($next) === false) {
            break;
        }
        $address = $next;
    }
    return @inet_pton($address) === false ? '' : $address;
}

// ---- the request ----

function isthmus_method()
{
    $method = isset($_SERVER['REQUEST_METHOD']) ? $_SERVER['REQUEST_METHOD'] : 'GET';
    if (!preg_match('/^[A-Z]{1,16}$/D', $method) || $method === 'TRACE' || $method === 'CONNECT') {
        throw new IsthmusRefusal('This method is not allowed.', 405);
    }
    return $method;
}

/* "?a=b" as the client wrote it; what may not stand in a request's first line is percent-encoded. */
function isthmus_query()
{
    $query = isset($_SERVER['QUERY_STRING']) ? $_SERVER['QUERY_STRING'] : '';
    if (strlen($query) > ISTHMUS_QUERY_MAX) {
        throw new IsthmusRefusal('The address is too long.', 414);
    }
    $query = preg_replace_callback('/[^\x21\x24-\x7e]/', function ($m) {
        return rawurlencode($m[0]);
    }, $query);
    return $query === '' ? '' : '?' . $query;
}

/* The host is the client's: the answers name it (aps@server, ssh@host). */
function isthmus_host($backend)
{
    $host = isset($_SERVER['HTTP_HOST']) ? $_SERVER['HTTP_HOST'] : '';
    if ($host === '') {
        return $backend['host'] . ':' . $backend['port'];
    }
    if (!preg_match('/^([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$/D', $host)) {
        throw new IsthmusRefusal('The name of the host is not valid.', 400);
    }
    return $host;
}

/* Only these travel, so that nothing which Isthmus believes from a proxy can come from a client. */
function isthmus_headers($config, $backend, $body)
{
    $lines = array('Host: ' . isthmus_host($backend));
    $names = array('Accept', 'Accept-Language', 'Cookie', 'If-Modified-Since', 'If-None-Match', 'Origin', 'Range', 'Referer',
        'User-Agent', 'X-Requested-With');
    $more = preg_split('/[\s,]+/', (string)$config['pass_headers'], -1, PREG_SPLIT_NO_EMPTY);
    $own = array_merge(isthmus_hop_by_hop(),
        array('host', 'content-length', 'content-type', 'expect', 'forwarded', 'accept-encoding'));
    foreach (array_unique(array_merge($names, $more)) as $name) {
        $low = strtolower($name);
        $key = 'HTTP_' . strtoupper(strtr($name, '-', '_'));
        if (!preg_match('/^[A-Za-z0-9-]+$/D', $name) || in_array($low, $own, true) || strpos($low, 'x-forwarded-') === 0) {
            continue;
        }
        if (isset($_SERVER[$key]) && $_SERVER[$key] !== '' && isthmus_is_header_value($_SERVER[$key])) {
            $lines[] = $name . ': ' . $_SERVER[$key];
        }
    }
    $address = isthmus_client_address($config);
    if ($address !== '') {
        $lines[] = 'X-Forwarded-For: ' . $address;
    }
    $tls = isset($_SERVER['HTTPS']) && $_SERVER['HTTPS'] !== '' && strtolower($_SERVER['HTTPS']) !== 'off';
    $lines[] = 'X-Forwarded-Proto: ' . ($tls ? 'https' : 'http');
    if ($body !== null && $body['type'] !== '' && isthmus_is_header_value($body['type'])) {
        $lines[] = 'Content-Type: ' . $body['type'];
    }
    return $lines;
}

// ---- the request's body ----

function isthmus_spool_copy($from, $to, $size, $max)
{
    while (!feof($from)) {
        $data = fread($from, ISTHMUS_CHUNK);
        if ($data === false || $data === '') {
            break;
        }
        $size += isthmus_spool_text($to, $data, $size, $max);
    }
    return $size;
}

function isthmus_spool_text($to, $data, $size, $max)
{
    if ($size + strlen($data) > $max) {
        throw new IsthmusRefusal('The request is too large.', 413);
    }
    if (fwrite($to, $data) !== strlen($data)) {
        throw new IsthmusRefusal('There is no room for the request.', 500);
    }
    return strlen($data);
}

/* array('a' => array('b' => 1)) as array('a[b]' => 1): the names as they stood in the form. */
function isthmus_flat($values, $prefix)
{
    $flat = array();
    foreach ($values as $name => $value) {
        $full = $prefix === '' ? (string)$name : $prefix . '[' . $name . ']';
        if (is_array($value)) {
            $flat += isthmus_flat($value, $full);
        } else {
            $flat[$full] = (string)$value;
        }
    }
    return $flat;
}

function isthmus_quoted($text)
{
    return '"' . str_replace(array("\r", "\n", '"', "\0"), array('%0D', '%0A', '%22', ''), $text) . '"';
}

/* What PHP took apart already (enable_post_data_reading) is put together again; an exact copy it is not, the form is. */
function isthmus_rebuild_form($spool, $boundary, $max)
{
    $fields = isthmus_flat($_POST, '');
    $files = array();
    foreach ($_FILES as $name => $file) {
        foreach (array('name', 'type', 'tmp_name', 'error') as $key) {
            foreach (isthmus_flat(array($name => $file[$key]), '') as $full => $value) {
                $files[$full][$key] = $value;
            }
        }
    }
    if (count($fields) + count($files) > ISTHMUS_PARTS_MAX) {
        throw new IsthmusRefusal('The form has too many fields.', 413);
    }
    $size = 0;
    foreach ($fields as $name => $value) {
        $head = "--$boundary\r\nContent-Disposition: form-data; name=" . isthmus_quoted($name) . "\r\n\r\n";
        $size += isthmus_spool_text($spool, $head . $value . "\r\n", $size, $max);
    }
    foreach ($files as $name => $file) {
        $error = (int)$file['error'];
        if ($error !== UPLOAD_ERR_OK && $error !== UPLOAD_ERR_NO_FILE) {
            $large = $error === UPLOAD_ERR_INI_SIZE || $error === UPLOAD_ERR_FORM_SIZE;
            throw new IsthmusRefusal('The file could not be received.', $large ? 413 : 400);
        }
        $type = $file['type'] !== '' && isthmus_is_header_value($file['type']) ? $file['type'] : 'application/octet-stream';
        $head = "--$boundary\r\nContent-Disposition: form-data; name=" . isthmus_quoted($name) . '; filename=' .
            isthmus_quoted($file['name']) . "\r\nContent-Type: $type\r\n\r\n";
        $size += isthmus_spool_text($spool, $head, $size, $max);
        if ($error === UPLOAD_ERR_OK) {
            $from = is_uploaded_file($file['tmp_name']) ? fopen($file['tmp_name'], 'rb') : false;
            if ($from === false) {
                throw new IsthmusRefusal('The file could not be read.', 500);
            }
            $size = isthmus_spool_copy($from, $spool, $size, $max);
            fclose($from);
        }
        $size += isthmus_spool_text($spool, "\r\n", $size, $max);
    }
    return $size + isthmus_spool_text($spool, "--$boundary--\r\n", $size, $max);
}

/* null, or the body spooled: stream, size, type. */
function isthmus_body($config, $method)
{
    $said = isset($_SERVER['CONTENT_LENGTH']) ? isthmus_length($_SERVER['CONTENT_LENGTH']) : null;
    $chunked = !empty($_SERVER['HTTP_TRANSFER_ENCODING']);
    if (!$said && !$chunked && !in_array($method, array('POST', 'PUT', 'PATCH'), true)) {
        return null;
    }
    $max = $config['body_max'];
    if ($said > $max) {
        throw new IsthmusRefusal('The request is too large.', 413);
    }
    $type = isset($_SERVER['CONTENT_TYPE']) ? $_SERVER['CONTENT_TYPE'] : '';
    $spool = fopen('php://temp/maxmemory:' . ISTHMUS_SPOOL, 'w+b');
    $taken = $method === 'POST' && ini_get('enable_post_data_reading') && stripos($type, 'multipart/form-data') === 0;
    if ($taken && ($_POST || $_FILES)) {
        $boundary = 'isthmus' . sha1(uniqid((string)mt_rand(), true));
        $size = isthmus_rebuild_form($spool, $boundary, $max);
        $type = 'multipart/form-data; boundary=' . $boundary;
    } else {
        $input = fopen('php://input', 'rb');
        $size = isthmus_spool_copy($input, $spool, 0, $max);
        fclose($input);
        if ($said !== null && $size !== $said) { // PHP refused it (post_max_size), or the client went away
            throw new IsthmusRefusal('The request did not arrive whole.', $size === 0 ? 413 : 400);
        }
    }
    rewind($spool);
    return array('stream' => $spool, 'size' => $size, 'type' => $type);
}

// ---- the answer ----

class IsthmusAnswer
{
    public $begun = false; /* the client has the headers */
    private $status = 0;
    private $lines = array();
    private $size = 0;

    /* One line of the answer's head, the empty last one included. False: this is no answer to pass on. */
    public function line($line)
    {
        if ($this->begun) {
            return true; // a trailer
        }
        $line = rtrim($line, "\r\n");
        $this->size += strlen($line);
        if ($this->size > ISTHMUS_HEADERS_MAX) {
            return false;
        }
        if (preg_match('{^HTTP/[0-9.]+ ([1-5][0-9][0-9])\b}', $line, $m)) {
            $this->status = (int)$m[1];
            $this->lines = array();
        } elseif ($line !== '') {
            $this->lines[] = $line;
        } elseif ($this->status >= 200) {
            $this->begin();
        }
        return true;
    }

    /* The value of a header of the answer, in lower case. */
    public function value($wanted)
    {
        foreach ($this->lines as $line) {
            if (stripos($line, $wanted . ':') === 0) {
                return strtolower(trim(substr($line, strlen($wanted) + 1)));
            }
        }
        return '';
    }

    public function hasBody($method)
    {
        return $method !== 'HEAD' && $this->status !== 204 && $this->status !== 304;
    }

    private function begin()
    {
        header_remove();
        ini_set('default_charset', ''); // PHP would add it to a text type that has none
        $dropped = array_merge(isthmus_hop_by_hop(), array('server', 'date'));
        foreach (explode(',', $this->value('Connection')) as $name) {
            $dropped[] = trim($name);
        }
        foreach ($this->lines as $line) {
            if (!preg_match('/^([!#$%&\'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/D', $line, $m)) {
                continue;
            }
            if (!in_array(strtolower($m[1]), $dropped, true) && isthmus_is_header_value($m[2])) {
                header($m[1] . ': ' . $m[2], false);
            }
        }
        if ($this->value('Content-Type') === '') {
            ini_set('default_mimetype', '');
        }
        http_response_code($this->status); // after Location, which changes it
        $this->begun = true;
    }

    /* False when the client has gone. */
    public function body($data)
    {
        echo $data;
        flush();
        return connection_aborted() === 0;
    }
}

// ---- the ways to the backend ----

/* Both throw a refusal, 502 or 504, when no answer came; once an answer has begun its end is all that can be missing. */
function isthmus_ask_curl($config, $backend, $request, $answer)
{
    $handle = curl_init($backend['scheme'] . '://' . $backend['host'] . ':' . $backend['port'] . $request['target']);
    $lines = array_merge($request['headers'], array('Expect:'));
    if (!preg_grep('/^Accept:/', $lines)) {
        $lines[] = 'Accept:'; // curl would say */*
    }
    $options = array(
        CURLOPT_CUSTOMREQUEST => $request['method'],
        CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
        CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
        CURLOPT_FOLLOWLOCATION => false,
        CURLOPT_PROXY => '', // whatever the environment says
        CURLOPT_NOSIGNAL => true,
        CURLOPT_CONNECTTIMEOUT => $config['connect_timeout'],
        CURLOPT_TIMEOUT => $config['timeout'],
        CURLOPT_SSL_VERIFYPEER => true,
        CURLOPT_SSL_VERIFYHOST => 2,
        CURLOPT_HEADERFUNCTION => function ($handle, $line) use ($answer) {
            return $answer->line($line) ? strlen($line) : -1;
        },
        CURLOPT_WRITEFUNCTION => function ($handle, $data) use ($answer) {
            return $answer->body($data) ? strlen($data) : -1;
        },
    );
    if ($config['ca_file'] !== '') {
        $options[CURLOPT_CAINFO] = $config['ca_file'];
    }
    if ($request['method'] === 'HEAD') {
        $options[CURLOPT_NOBODY] = true;
    } elseif ($request['body'] !== null) {
        $stream = $request['body']['stream'];
        $options[CURLOPT_UPLOAD] = true;
        $options[CURLOPT_INFILESIZE] = $request['body']['size'];
        $options[CURLOPT_READFUNCTION] = function ($handle, $file, $max) use ($stream) {
            return (string)fread($stream, min($max, ISTHMUS_CHUNK));
        };
    }
    $options[CURLOPT_HTTPHEADER] = $lines;
    curl_setopt_array($handle, $options);
    $done = curl_exec($handle);
    if ($done === false || !$answer->begun) {
        $late = curl_errno($handle) === 28; // CURLE_OPERATION_TIMEDOUT
        throw new IsthmusRefusal(curl_error($handle), $late ? 504 : 502);
    }
}

/* The rest of the time that the whole request has, for the next wait; a refusal when nothing is left. */
function isthmus_wait($socket, $deadline)
{
    $left = $deadline - microtime(true);
    if ($left <= 0) {
        throw new IsthmusRefusal('no answer in time', 504);
    }
    stream_set_timeout($socket, (int)$left, (int)(1000000 * ($left - (int)$left)));
}

function isthmus_send($socket, $data, $deadline)
{
    while ($data !== '' && $data !== false) {
        isthmus_wait($socket, $deadline);
        $sent = @fwrite($socket, $data);
        if (!$sent) {
            return false; // it may have answered already, and closed
        }
        $data = (string)substr($data, $sent);
    }
    return true;
}

function isthmus_read_failed($socket)
{
    $meta = stream_get_meta_data($socket);
    throw new IsthmusRefusal('the answer broke off', $meta['timed_out'] ? 504 : 502);
}

function isthmus_read_body($socket, $answer, $deadline)
{
    $left = isthmus_length($answer->value('Content-Length'));
    if ($answer->value('Transfer-Encoding') !== '') {
        stream_filter_append($socket, 'dechunk', STREAM_FILTER_READ);
        $left = null;
    }
    while ($left !== 0) {
        isthmus_wait($socket, $deadline);
        $data = fread($socket, $left === null ? ISTHMUS_CHUNK : min($left, ISTHMUS_CHUNK));
        if ($data === false || $data === '') {
            $meta = stream_get_meta_data($socket);
            if (feof($socket) && $left === null) {
                return;
            }
            if (feof($socket) || $meta['timed_out']) {
                isthmus_read_failed($socket);
            }
            continue;
        }
        if (!$answer->body($data)) {
            return;
        }
        $left = $left === null ? null : $left - strlen($data);
    }
}

function isthmus_ask_socket($config, $backend, $request, $answer)
{
    $tls = array('verify_peer' => true, 'verify_peer_name' => true, 'peer_name' => trim($backend['host'], '[]'));
    if ($config['ca_file'] !== '') {
        $tls['cafile'] = $config['ca_file'];
    }
    $deadline = microtime(true) + $config['timeout'];
    $address = ($backend['scheme'] === 'https' ? 'tls://' : 'tcp://') . $backend['host'] . ':' . $backend['port'];
    $socket = @stream_socket_client($address, $number, $cause, $config['connect_timeout'], STREAM_CLIENT_CONNECT,
        stream_context_create(array('ssl' => $tls)));
    if ($socket === false) {
        $last = error_get_last(); // of TLS, says nothing in $cause
        throw new IsthmusRefusal($cause !== '' ? $cause : ($last ? $last['message'] : 'no connection'), 502);
    }
    $lines = array_merge(array($request['method'] . ' ' . $request['target'] . ' HTTP/1.1'), $request['headers']);
    $lines[] = 'Connection: close';
    $body = $request['body'];
    if ($body !== null) {
        $lines[] = 'Content-Length: ' . $body['size'];
    }
    $is_open = isthmus_send($socket, implode("\r\n", $lines) . "\r\n\r\n", $deadline);
    while ($is_open && $body !== null && !feof($body['stream'])) {
        $is_open = isthmus_send($socket, fread($body['stream'], ISTHMUS_CHUNK), $deadline);
    }
    while (!$answer->begun) {
        isthmus_wait($socket, $deadline);
        $line = @fgets($socket, ISTHMUS_HEADERS_MAX);
        if ($line === false || substr($line, -1) !== "\n" || !$answer->line($line)) {
            isthmus_read_failed($socket);
        }
    }
    if ($answer->hasBody($request['method'])) {
        isthmus_read_body($socket, $answer, $deadline);
    }
    fclose($socket);
}

// ---- one request ----

function isthmus_refuse($status, $sentence)
{
    header_remove();
    http_response_code($status);
    header('Content-Type: text/html; charset=utf-8');
    header('Cache-Control: no-store');
    echo '<!DOCTYPE html><html><head><title>', $status, '</title></head><body><p>', htmlspecialchars($sentence),
        "</p></body></html>\n";
}

/* The one entry: the backend's name in the configuration, and the path as Isthmus knows it. */
function isthmus_proxy($name, $path)
{
    http_response_code(500); // whatever fails below never looks like a success
    ini_set('display_errors', '0');
    ini_set('zlib.output_compression', '0');
    while (ob_get_level() > 0 && ob_end_clean());
    $answer = new IsthmusAnswer();
    $asked = false;
    try {
        $config = isthmus_config();
        $backend = isthmus_backend($config, $name);
        set_time_limit($config['timeout'] + 60);
        $method = isthmus_method();
        $body = isthmus_body($config, $method);
        $request = array(
            'method' => $method,
            'target' => $backend['prefix'] . $path . isthmus_query(),
            'headers' => isthmus_headers($config, $backend, $body),
            'body' => $body,
        );
        $asked = true;
        if (function_exists('curl_init')) {
            isthmus_ask_curl($config, $backend, $request, $answer);
        } else {
            isthmus_ask_socket($config, $backend, $request, $answer);
        }
    } catch (IsthmusRefusal $e) {
        $status = $e->getCode();
        if ($status >= 500) {
            error_log("isthmus: $path: " . $e->getMessage()); // never the query: it holds tokens
        }
        if (!$answer->begun) {
            $sentence = $status < 500 ? $e->getMessage() : 'The service is not available, please try again later.';
            isthmus_refuse($status, $sentence);
        }
    }
}
