'use strict';
// The page asks for readings every two seconds and shows differences of them as
// rates. Everything that the API tells becomes text nodes and SVG paths: there
// is no place where markup is parsed.
(() => {
  const every = 2000;      // milliseconds between readings, more when they take long
  const kept = 90;         // points of a small chart
  const rowsShown = 60;    // of a table; the busiest, when there are more
  const eventsKept = 200;
  const slow = 5;          // /metrics is asked every so many readings

  const byId = (id) => document.getElementById(id);

  // Characters that are invisible or turn the direction of a line are shown by
  // their number, so that a name looks like no other.
  const odd = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
  const plain = (v) => String(v).replace(odd, (c) => '\\u{' + c.codePointAt(0).toString(16) + '}');

  const el = (tag, attributes, ...children) => {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes || {})) if (v !== undefined) e.setAttribute(k, v);
    for (const c of children.flat(Infinity)) if (c !== null && c !== undefined) e.append(c instanceof Node ? c : plain(c));
    return e;
  };
  const svg = (tag, attributes) => {
    const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    return e;
  };

  // Figures for people.
  const rounded = (n) => (n >= 100 || Number.isInteger(n) ? Math.round(n).toString() : n >= 10 ? n.toFixed(1) : n.toFixed(2));
  const scaled = (n, step, units) => {
    let i = 0;
    while (n >= step && i < units.length - 1) { n /= step; i++; }
    return rounded(n) + units[i];
  };
  const count = (n) => scaled(n, 1000, ['', ' k', ' M', ' G', ' T']);
  const bytes = (n) => scaled(n, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB']);
  const rate = (n) => (n === undefined ? '–' : n > 0 && n < 0.01 ? '<0.01' : count(n));
  const share = (part, all) => (all > 0 ? (100 * part / all).toFixed(1) + ' %' : '–');
  const long = (s) => {
    const d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
    return d ? d + ' d ' + h + ' h' : h ? h + ' h ' + m + ' min' : m ? m + ' min ' + Math.floor(s % 60) + ' s' : Math.floor(s) + ' s';
  };
  const brief = (s) => (s === undefined ? '–' : s === Infinity ? '> 30 s' : s < 0.001 ? '≤ ' + Math.round(s * 1e6) + ' µs' : s < 1 ? '≤ ' + +(s * 1e3).toFixed(1) + ' ms' : '≤ ' + s + ' s');

  // What is known: the last reading, the rates since the one before, and what
  // the small charts draw.
  let last = null, rates = new Map(), charts = new Map(), events = [], percentiles = new Map();
  let paused = false, turn = 0, countersSize = 0, filter = '';

  // rateOf is per second of the process's own clock, undefined for the first reading.
  const rateOf = (key) => rates.get(key);
  const point = (key, v) => {
    let list = charts.get(key);
    if (!list) charts.set(key, list = []);
    list.push(v || 0);
    if (list.length > kept) list.shift();
  };
  const chart = (key, label, bad) => {
    const list = charts.get(key) || [];
    const s = svg('svg', { class: bad ? 'spark bad' : 'spark', viewBox: '0 0 100 24', preserveAspectRatio: 'none', role: 'img' });
    const top = Math.max(...list, bad ? 1 : 1e-9);
    s.setAttribute('aria-label', label + ', the last ' + Math.round(list.length * every / 1000) + ' seconds: now ' + rate(list[list.length - 1] || 0) + ', at most ' + rate(Math.max(0, ...list)));
    if (list.length > 1) {
      const room = Math.max(list.length, kept / 3) - 1; // a young page draws wider
      const at = list.map((v, i) => (100 - (list.length - 1 - i) * 100 / room).toFixed(2) + ' ' + (22.5 - 21 * v / top).toFixed(2));
      const left = at[0].split(' ')[0];
      s.append(svg('path', { class: 'area', d: 'M' + left + ' 24 L' + at.join(' L') + ' L100 24 Z' }), svg('path', { d: 'M' + at.join(' L') }));
    }
    return s;
  };

  const chip = (text, kind) => el('span', { class: 'chip ' + kind }, text);
  const kinds = new Map(Object.entries({ up: 'good', ready: 'good', down: 'bad', failed: 'bad', ejected: 'bad', error: 'bad', warning: 'warn', info: '', debug: '' }));
  const stateChip = (state) => chip(state, kinds.get(state) ?? 'warn');
  const some = (n) => (n > 0 ? chip(count(n), 'bad') : el('span', { class: 'quiet' }, '0'));

  const asks = (name) => !filter || name.toLowerCase().includes(filter);

  // sheet is what holds a table or a list. It stays while its contents change, so
  // that who stands in it with the keyboard, or has scrolled it, stays there.
  const sheet = (place, label) => {
    const box = byId(place);
    let s = box.querySelector('.sheet');
    if (!s) box.append(s = el('div', { class: label ? 'sheet tall' : 'sheet', tabindex: '0', role: 'region', 'aria-label': label || 'Table: ' + place.replace('-table', '') }));
    return s;
  };

  // table shows rows: {key for order, cells, inner}. Columns are [title, kind]; n is a number.
  const table = (place, columns, rows, nothing) => {
    if (!rows.length) {
      sheet(place).replaceChildren(el('p', { class: 'empty' }, filter ? 'No name contains that.' : nothing));
      return;
    }
    const head = el('tr', {}, columns.map(([title, kind]) => el('th', { scope: 'col', class: kind || undefined }, title)));
    const body = rows.map((r) => el('tr', { class: r.inner ? 'inner' : undefined }, r.cells.map((c, i) => el('td', {
      class: [columns[i][1], i === 0 ? 'name-cell' : '', i === 0 && r.inner ? 'inner' : ''].join(' ').trim() || undefined, 'data-label': columns[i][0],
    }, c))));
    sheet(place).replaceChildren(el('table', {}, el('thead', {}, head), el('tbody', {}, body)));
  };
  // busiest keeps what a table has room for, in the order that it came in.
  const busiest = (list, heat) => {
    if (list.length <= rowsShown) return [list, 0];
    const hot = new Set([...list].sort((a, b) => heat(b) - heat(a)).slice(0, rowsShown));
    return [list.filter((x) => hot.has(x)), list.length - rowsShown];
  };
  const more = (place, n) => {
    if (n > 0) sheet(place).append(el('p', { class: 'empty' }, 'and ' + n + ' more, less busy: filter by name'));
  };
  const name = (text, below) => [el('bdi', {}, text), below ? el('span', { class: 'sub' }, el('bdi', {}, below)) : null];

  // queue shows what waits before accept, and lost what the kernel or we dropped there;
  // a listener that is not open has neither, and the kernel does not tell all of all.
  const queue = (a) => (!a ? '–' : a.queue == null ? 'unknown' : name(a.queue + ' of ' + a.granted, 'at most ' + a.queue_most));
  const lost = (a) => (!a ? '–' : a.dropped == null ? 'unknown' : some(a.dropped + a.shed));
  const happened = (text, kind) => {
    events.unshift({ at: new Date(), text, kind });
    events.length = Math.min(events.length, eventsKept);
  };

  const stopWords = { budget: 'instructions', time: 'time', memory: 'memory', fault: 'fault' };
  const limitWords = { forks: 'forks', rate: 'rate', response: 'answer', start: 'start', storage: 'storage', wait: 'wait' };
  const processWords = { panics_total: 'panics', commits_refused_total: 'configurations refused', log_dropped_total: 'log lines lost', descriptors_exhausted_total: 'file descriptors exhausted' };
  // Of the counters of a thing only these are kept: there may be ten thousand things.
  const wanted = {
    process: Object.keys(processWords).map((k) => 'fishplate_' + k),
    tenant: ['instructions_total', 'memory_bytes', 'refused_total', ...Object.keys(stopWords).map((k) => 'stops_total{' + k + '}'),
      ...Object.keys(limitWords).map((k) => 'limits_total{' + k + '}')].map((k) => 'fishplate_tenant_' + k),
  };

  // ofStatus and ofCounters make one map of numbers each: what rates are made of.
  const ofStatus = (status) => {
    const all = new Map();
    for (const l of status.listeners) all.set('listener/' + l.name, l.requests);
    for (const t of status.tenants) all.set('tenant/' + t.name, t.requests);
    for (const v of status.vhosts) {
      all.set('vhost/' + v.name, v.requests);
      all.set('vhost5/' + v.name, v.errors);
      for (const r of v.routes) all.set('route/' + v.name + '/' + r.name, r.requests);
    }
    for (const b of status.backends) {
      all.set('backend/' + b.name, b.requests);
      for (const s of b.servers) all.set('server/' + b.name + '/' + s.name, s.requests);
    }
    if (status.cache) { all.set('cache', status.cache.requests); all.set('hits', status.cache.hits); }
    return all;
  };
  const ofCounters = (counters) => {
    const all = new Map();
    for (const c of counters) {
      for (const metric of wanted[c.subject] || []) if (metric in c.values) all.set([c.subject, ...c.labels, metric].join('\u0000'), c.values[metric]);
    }
    return all;
  };
  const tenantValue = (r, tenant, metric) => r.counted.get(['tenant', tenant, 'fishplate_tenant_' + metric].join('\u0000')) || 0;
  const tenantRate = (tenant, metric) => rateOf(['tenant', tenant, 'fishplate_tenant_' + metric].join('\u0000'));

  // compare finds what happened between two readings.
  const compare = (was, now) => {
    if (was.status.generation !== now.status.generation) happened('generation ' + now.status.generation + ' is committed', 'good');
    const states = new Map();
    for (const b of was.status.backends) for (const s of b.servers) states.set(b.name + '/' + s.name, s.state);
    for (const b of now.status.backends) for (const s of b.servers) {
      const before = states.get(b.name + '/' + s.name);
      if (before && before !== s.state) happened('server ' + b.name + '/' + s.name + ': ' + before + ' → ' + s.state, s.state === 'up' ? 'good' : 'bad');
    }
    const tenants = new Map(was.status.tenants.map((t) => [t.name, t]));
    for (const t of now.status.tenants) {
      const before = tenants.get(t.name);
      if (before && before.state !== t.state) happened('tenant ' + t.name + ': ' + before.state + ' → ' + t.state, t.state === 'ready' ? 'good' : 'warn');
      if (before && before.hash !== t.hash) happened('tenant ' + t.name + ': another program, ' + t.hash, 'good');
      for (const [k, word] of Object.entries(stopWords)) grew(was, now, ['tenant', t.name, 'fishplate_tenant_stops_total{' + k + '}'], 'tenant ' + t.name + ': calls stopped by ' + word);
      for (const [k, word] of Object.entries(limitWords)) grew(was, now, ['tenant', t.name, 'fishplate_tenant_limits_total{' + k + '}'], 'tenant ' + t.name + ': limit reached: ' + word, 'warn');
      grew(was, now, ['tenant', t.name, 'fishplate_tenant_refused_total'], 'tenant ' + t.name + ': requests refused', 'warn');
    }
    for (const v of now.status.vhosts) grew(was, now, ['vhost5/' + v.name], 'host ' + v.name + ': answers of 5xx');
    for (const [metric, text] of Object.entries(processWords)) grew(was, now, ['process', 'fishplate_' + metric], text);
  };
  const grew = (was, now, key, text, kind) => {
    const k = key.join('\u0000'), [before, after] = was.all.has(k) ? [was.all, now.all] : [was.counted, now.counted];
    const more = (after.get(k) || 0) - (before.get(k) || 0);
    if (more > 0 && before.has(k)) happened(text + ': ' + count(more), kind || 'bad');
  };

  // The labels of a line of /metrics, unescaped.
  const labels = (text) => {
    const found = Object.create(null);
    for (const m of text.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) found[m[1]] = m[2].replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
    return found;
  };
  let buckets = null, faults = new Map();
  // digest takes percentiles and causes from /metrics. A percentile is the upper
  // bound of the bucket in which it lies, of the requests since the last look.
  const digest = (text) => {
    const fresh = new Map(), causes = new Map();
    for (const line of text.split('\n')) {
      const m = /^(fishplate_vhost_duration_seconds_bucket|fishplate_faults_total)\{(.*)\} (\S+)$/.exec(line);
      if (!m) continue;
      const l = labels(m[2]);
      if (m[1] === 'fishplate_faults_total') { causes.set(l.cause, Number(m[3])); continue; }
      if (!fresh.has(l.vhost)) fresh.set(l.vhost, []);
      fresh.get(l.vhost).push([l.le === '+Inf' ? Infinity : Number(l.le), Number(m[3])]);
    }
    for (const [vhost, list] of fresh) {
      list.sort((a, b) => a[0] - b[0]);
      const before = buckets && buckets.get(vhost) || [];
      const gone = list.map(([le, n], i) => [le, n - (before[i] ? before[i][1] : 0)]);
      const all = gone[gone.length - 1][1];
      if (all > 0) percentiles.set(vhost, gone);
    }
    if (buckets) for (const [cause, n] of causes) {
      const grown = n - (faults.get(cause) || 0);
      if (grown > 0) happened('cause ' + cause + ': ' + count(grown), 'bad');
    }
    buckets = fresh;
    faults = causes;
  };
  const p99 = (vhosts) => {
    const sum = new Map();
    for (const v of vhosts) for (const [le, n] of percentiles.get(v) || []) sum.set(le, (sum.get(le) || 0) + n);
    const list = [...sum].sort((a, b) => a[0] - b[0]);
    if (!list.length) return undefined;
    const all = list[list.length - 1][1];
    return list.find(([, n]) => n >= 0.99 * all)[0];
  };

  const line = (at, mark, text) => el('li', {}, el('time', { datetime: at.toISOString() }, at.toLocaleTimeString([], { hour12: false })), mark, ' ', el('bdi', {}, text));
  const card = (title, figure, below, key, bad) => el('div', { class: 'card' },
    el('div', { class: 'name' }, title), el('div', { class: 'figure' }, figure), key ? chart(key, title, bad) : null, el('div', { class: 'quiet' }, below || ''));

  const show = () => {
    if (!last) return;
    const { status: st } = last;
    byId('facts').textContent = plain('version ' + st.version + ' · generation ' + st.generation + ' · up ' + long(st.uptime) + ' · process ' + st.pid + ' · ' + st.path);
    document.title = (rateOf('requests') === undefined ? '' : rate(rateOf('requests')) + ' req/s · ') + 'Fishplate';
    byId('findings').replaceChildren(...st.findings.map((f) => el('p', { class: f.severity === 'fail' ? 'notice fail' : 'notice' }, f.text)),
      ...st.draining.map((d) => el('p', { class: 'notice' }, 'generation ' + d.generation + ' is held by ' + d.part)),
      ...(st.canary ? [st.canary] : []).map((c) => el('p', { class: c.conditions.every((k) => k.holds) ? 'notice' : 'notice fail' },
        'change ' + c.change + ' is tried with ' + c.share * 100 + '% of the clients until ' + new Date(c.deadline).toLocaleTimeString([], { hour12: false }) +
        ': ' + c.next.requests + ' requests, ' + c.next.errors + ' errors; ' + c.conditions.map((k) => k.text + ' (now ' + k.now + ')').join(', '))));

    const connections = st.listeners.reduce((n, l) => n + l.connections, 0);
    const servers = st.backends.flatMap((b) => b.servers), up = servers.filter((s) => s.state === 'up').length;
    byId('cards').replaceChildren(...[
      card('Requests a second', rate(rateOf('requests')), count(last.requests) + ' in all', 'requests'),
      card('5xx a second', rate(rateOf('errors')), count(last.errors) + ' in all', 'errors', true),
      card('Connections', count(connections), 'open now', 'connections'),
      card('Servers up', up + ' of ' + servers.length, up === servers.length ? 'all' : 'look at Backends'),
      st.cache ? card('Cache hits', share(st.cache.hits, st.cache.requests), count(st.cache.objects) + (st.cache.objects === 1 ? ' object, ' : ' objects, ') + bytes(st.cache.bytes), 'hits') : null,
      st.tenants.length ? card('Instructions a second', rate(rateOf('instructions')), count(st.tenants.length) + (st.tenants.length === 1 ? ' tenant' : ' tenants'), 'instructions') : null,
    ].filter(Boolean));

    table('listeners-table', [['Listener'], ['Bind'], ['TLS'], ['Connections', 'n'], ['Requests', 'n'], ['req/s', 'n'], ['Queue', 'n'], ['Dropped', 'n'], ['Refused', 'n'], ['req/s, 3 min']],
      st.listeners.filter((l) => asks(l.name)).map((l) => ({ cells: [name(l.name), (l.bind || []).join(', '), l.tls ? 'yes' : 'no', count(l.connections), count(l.requests),
        rate(rateOf('listener/' + l.name)), queue(l.accept), lost(l.accept), some(l.refused), chart('listener/' + l.name, 'requests a second of listener ' + plain(l.name))] })), 'There is no listener.');

    const [vhosts, hiddenHosts] = busiest(st.vhosts.filter((v) => asks(v.name) || (v.hosts || []).some(asks)), (v) => v.requests);
    table('vhosts-table', [['Host'], ['Tenant'], ['Backend'], ['Requests', 'n'], ['req/s', 'n'], ['5xx', 'n'], ['p99', 'n'], ['req/s, 3 min']],
      vhosts.flatMap((v) => [
        { cells: [name(v.name, (v.hosts || []).join(', ')), v.tenant || '', v.routes.length === 1 ? v.routes[0].backend || '' : '', count(v.requests), rate(rateOf('vhost/' + v.name)), some(v.errors), brief(p99([v.name])), chart('vhost/' + v.name, 'requests a second of host ' + plain(v.name))] },
        ...(v.routes.length > 1 ? v.routes.map((r) => ({ inner: true, cells: [name(r.name), '', r.backend || '', count(r.requests), rate(rateOf('route/' + v.name + '/' + r.name)), '', '', ''] })) : []),
      ]), 'There is no virtual host.');
    more('vhosts-table', hiddenHosts);

    const [backends, hiddenBackends] = busiest(st.backends.filter((b) => asks(b.name) || b.servers.some((s) => asks(s.name))), (b) => b.requests);
    table('backends-table', [['Backend, server'], ['State'], ['Check'], ['Queue', 'n'], ['Connections', 'n'], ['Active', 'n'], ['Requests', 'n'], ['req/s', 'n'], ['Errors', 'n'], ['req/s, 3 min']],
      backends.flatMap((b) => [
        { cells: [name(b.name, b.balance), '', '', b.queue ? chip(count(b.queue), 'warn') : '0', '', '', count(b.requests), rate(rateOf('backend/' + b.name)), '', chart('backend/' + b.name, 'requests a second of backend ' + plain(b.name))] },
        ...b.servers.map((s) => ({ inner: true, cells: [name(s.name, s.address === s.name ? '' : s.address), stateChip(s.state), s.check || '–', '', count(s.connections), count(s.active), count(s.requests),
          rate(rateOf('server/' + b.name + '/' + s.name)), some(s.errors), chart('server/' + b.name + '/' + s.name, 'requests a second of server ' + plain(s.name))] })),
      ]), 'There is no backend.');
    more('backends-table', hiddenBackends);

    const cache = st.cache ? [
      ...st.cache.stores.map((s) => ({ cells: [name('store ' + s.name, s.disk ? 'disk: ' + count(s.disk.objects) + ' objects, ' + bytes(s.disk.bytes) + ' of ' + bytes(s.disk.limit) : ''), count(s.objects),
        bytes(s.bytes), bytes(s.limit), share(s.bytes, s.limit), '', count(s.evicted)] })),
      ...st.cache.partitions.filter((p) => asks(p.name)).slice(0, rowsShown).map((p) => {
        const all = Object.values(p.requests).reduce((a, b) => a + b, 0), hits = ['hit', 'hit-stale', 'coalesced'].reduce((n, k) => n + (p.requests[k] || 0), 0);
        return { inner: true, cells: [name(p.name), count(p.objects), bytes(p.bytes), p.quota ? bytes(p.quota) : '–', p.quota ? share(p.bytes, p.quota) : '', share(hits, all), ''] };
      }),
    ] : [];
    table('cache-table', [['Store, part'], ['Objects', 'n'], ['Size', 'n'], ['Limit', 'n'], ['Full', 'n'], ['Hits', 'n'], ['Evicted', 'n']], cache, 'There is no cache.');

    const ofTenant = new Map();
    for (const v of st.vhosts) if (v.tenant) ofTenant.set(v.tenant, [...(ofTenant.get(v.tenant) || []), v.name]);
    const [tenants, hiddenTenants] = busiest(st.tenants.filter((t) => asks(t.name)), (t) => t.requests);
    table('tenants-table', [['Tenant'], ['State'], ['Program'], ['Requests', 'n'], ['req/s', 'n'], ['Instructions/s', 'n'], ['per request', 'n'], ['p99', 'n'], ['Memory', 'n'], ['Stopped'], ['req/s, 3 min']],
      tenants.map((t) => {
        const causes = [...Object.entries(stopWords).map(([k, w]) => [w, tenantValue(last, t.name, 'stops_total{' + k + '}'), 'bad']),
          ...Object.entries(limitWords).map(([k, w]) => ['limit ' + w, tenantValue(last, t.name, 'limits_total{' + k + '}'), 'warn']), ['refused', t.refused, 'warn']].filter(([, n]) => n > 0);
        return { cells: [name(t.name), stateChip(t.state), name(t.program.split('/').pop(), t.hash || ''), count(t.requests), rate(rateOf('tenant/' + t.name)),
          rate(tenantRate(t.name, 'instructions_total')), t.requests ? count(Math.round(tenantValue(last, t.name, 'instructions_total') / t.requests)) : '–', brief(p99(ofTenant.get(t.name) || [])),
          bytes(tenantValue(last, t.name, 'memory_bytes')), causes.length ? causes.map(([w, n, kind]) => [chip(w + ' ' + count(n), kind), ' ']) : el('span', { class: 'quiet' }, 'none'),
          chart('tenant/' + t.name, 'requests a second of tenant ' + plain(t.name))] };
      }), 'There is no tenant.');
    more('tenants-table', hiddenTenants);

    const causes = [...faults].filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
    byId('causes').replaceChildren(...(causes.length ? ['Causes since the start: ', ...causes.flatMap(([c, n]) => [chip(c + ' ' + count(n), 'warn'), ' '])] : []));
    sheet('trouble-list', 'Trouble, the newest first').replaceChildren(events.length
      ? el('ol', { class: 'lines' }, events.map((e) => line(e.at, chip({ good: 'news', warn: 'limit', bad: 'error' }[e.kind], e.kind), e.text)))
      : el('p', { class: 'empty' }, 'Nothing yet.'));
  };

  const ask = async (path, token) => {
    const answer = fetch(path, { headers: token ? { Authorization: 'Bearer ' + token } : {}, credentials: 'omit', redirect: 'error', signal: AbortSignal.timeout(15000) });
    const r = await answer.catch((e) => { throw new Error(e.name === 'TimeoutError' ? 'no answer in 15 s' : 'no connection'); });
    if (r.ok) return r;
    let why = '';
    try { why = (await r.json()).error || ''; } catch { /* no JSON: the status says it */ }
    throw new Error(r.status + (why ? ': ' + why : ''));
  };

  const linked = (text, kind) => {
    const l = byId('link');
    if (l.textContent !== text) l.textContent = text;
    l.className = 'chip ' + kind;
  };

  const read = async () => {
    // With ten thousand tenants the counters are many megabytes: then they are
    // asked for less often than the status, and have rates of their own time.
    const due = !last || countersSize < 4 << 20 || turn % slow === 0;
    const [status, counters] = await Promise.all([ask('/v1/status').then((r) => r.json()), due ? ask('/v1/counters').then((r) => r.text()) : null]);
    const metrics = turn++ % slow === 0 ? await ask('/metrics').then((r) => r.text()) : null;
    const now = { status, all: ofStatus(status) };
    if (due) {
      countersSize = counters.length;
      now.counted = ofCounters(JSON.parse(counters));
      now.countedAt = status.uptime;
    } else [now.counted, now.countedAt] = [last.counted, last.countedAt];
    now.requests = status.listeners.reduce((n, l) => n + l.requests, 0);
    now.errors = status.vhosts.reduce((n, v) => n + v.errors, 0);
    now.instructions = status.tenants.reduce((n, t) => n + tenantValue(now, t.name, 'instructions_total'), 0);
    for (const k of ['requests', 'errors']) now.all.set(k, now[k]);
    now.counted.set('instructions', now.instructions);
    if (last && (last.status.pid !== status.pid || status.uptime < last.status.uptime)) {
      happened('another process answers, ' + status.pid, 'warn');
      last = null; buckets = null; charts.clear(); percentiles.clear();
    }
    const before = rates;
    rates = new Map();
    if (last) {
      const grow = (was, is, seconds) => { for (const [k, v] of is) if (was.has(k)) rates.set(k, Math.max(0, v - was.get(k)) / Math.max(0.05, seconds)); };
      grow(last.all, now.all, status.uptime - last.status.uptime);
      if (due) grow(last.counted, now.counted, now.countedAt - last.countedAt);
      else for (const k of now.counted.keys()) if (before.has(k)) rates.set(k, before.get(k));
      compare(last, now);
      for (const k of rates.keys()) if (/^(requests|errors|instructions|hits)$|^(listener|vhost|backend|server|tenant)\//.test(k)) point(k, rates.get(k));
      for (const k of charts.keys()) if (k !== 'connections' && !rates.has(k)) charts.delete(k);
    }
    point('connections', status.listeners.reduce((n, l) => n + l.connections, 0));
    last = now;
    if (metrics !== null) digest(metrics);
  };

  // What a tenant's token opens: its program's lines and versions.
  const remembered = 'fishplate.tenant';
  let program = null;
  try { program = JSON.parse(sessionStorage.getItem(remembered)); } catch { /* another page's, or none */ }
  const log = async () => {
    const out = byId('program-out');
    if (!program) { out.replaceChildren(); byId('program-lines').replaceChildren(); return; }
    const path = '/v1/tenants/' + encodeURIComponent(program.tenant);
    try {
      const [versions, text] = await Promise.all([ask(path + '/versions', program.token).then((r) => r.json()), ask(path + '/logs?lines=100', program.token).then((r) => r.text())]);
      const lines = text.split('\n').filter((l) => l.startsWith('data: ')).map((l) => JSON.parse(l.slice(6))).reverse();
      const shown = versions.slice(0, 5).map((v) => el('p', { class: 'note' }, 'version ' + v.version + (v.current ? ', current' : '') + ': ' + String(v.hash).slice(0, 16) + ', ' + new Date(v.time).toLocaleString([], { hour12: false }) + ', by ' + v.source + (v.comment ? ', ' + v.comment : '')));
      out.replaceChildren(...shown);
      sheet('program-lines', 'Log of the tenant, the newest first').replaceChildren(lines.length
        ? el('ol', { class: 'lines' }, lines.map((l) => line(new Date(l.time), chip(l.level, kinds.get(l.level) ?? ''), l.text)))
        : el('p', { class: 'empty' }, 'It wrote nothing.'));
    } catch (e) {
      out.replaceChildren(el('p', { class: 'notice fail' }, e.message));
      byId('program-lines').replaceChildren();
      if (/^(401|403|429)/.test(e.message)) forget(); // wrong once is enough
    }
  };
  const forget = () => { program = null; try { sessionStorage.removeItem(remembered); } catch { /* no storage */ } };

  byId('token-form').addEventListener('submit', (e) => {
    e.preventDefault();
    program = { tenant: byId('token-tenant').value, token: byId('token-value').value };
    byId('token-value').value = '';
    try { sessionStorage.setItem(remembered, JSON.stringify(program)); } catch { /* it lasts as long as the page */ }
    log();
  });
  byId('token-forget').addEventListener('click', () => { forget(); log(); });
  byId('filter').addEventListener('input', (e) => { filter = e.target.value.trim().toLowerCase(); show(); });
  byId('pause').addEventListener('click', (e) => {
    paused = !paused;
    e.target.setAttribute('aria-pressed', String(paused));
    e.target.textContent = paused ? 'Go on' : 'Pause';
    linked(paused ? 'paused' : 'live', paused ? 'warn' : 'good');
  });

  // One reading at a time, and none while nobody looks or a text is selected
  // in what would be replaced. What takes long is asked for less often.
  const selecting = () => { const s = getSelection(); return s && !s.isCollapsed && byId('main').contains(s.anchorNode); };
  const tick = async () => {
    const begun = performance.now();
    if (!paused && !document.hidden) {
      try {
        await read();
        if (!selecting()) show();
        if (!paused) linked('live', 'good');
        if (program && turn % slow === 1) await log();
      } catch (e) {
        linked(plain(e.message), 'bad');
      }
    }
    setTimeout(tick, Math.min(10000, Math.max(every, 5 * (performance.now() - begun))));
  };
  document.addEventListener('keydown', (e) => {
    if (e.key === '/' && !(e.target instanceof HTMLInputElement)) { e.preventDefault(); byId('filter').focus(); }
  });
  tick();
})();
