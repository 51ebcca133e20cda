# In: a homeserver.log in Synapse's default text format. Out: the counts that peers-bench.mtail makes, as Prometheus text.
#   LC_ALL=C mawk -f keys-and-times.awk homeserver.log
# Written for speed, as somebody who knows awk would: fields by number, no regular expression on the common path, the logger (field 4)
# first, so that text in a user agent can't pass for another kind of line. A request's device is kept until its access line.
#
#   $1         $2           $4                       $10     $12                             $19                  $24     $25   $26
#   2026-06-30 12:00:00,123 synapse.access.http.8008 POST-7  203.0.113.7 … Processed request: 0.012sec/0.001sec … 525B 400 "POST /_matrix/…
#   2026-06-30 12:00:00,119 synapse.handlers.e2e_keys POST-7 Adding one_time_keys dict_keys([…]) for device 'D' for user 'U' at 1782820800119
BEGIN {
  bounds = split("0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30", bound, " ")
  wanted["keys/upload"]; wanted["keys/claim"]; wanted["keys/query"]; wanted["sendToDevice"]; wanted["delayed_events"]; wanted["sync"]
}

substr($4, 1, 20) == "synapse.access.http." {
  if ($17 != "Processed") next
  split($26, path, "[/?]")
  class = "other"
  if (path[2] == "_matrix" && path[3] == "client") {
    i = substr(path[5], 1, 11) == "org.matrix." ? 6 : 5
    name = path[i] == "keys" ? "keys/" path[i + 1] : path[i]
    if (name in wanted) class = name
  }
  status = $24 + 0
  seconds = $19 + 0
  requests[class, status]++
  sum[class] += seconds
  for (i = 1; i <= bounds && seconds > bound[i]; i++);
  bucket[class, i]++
  if (class == "keys/upload") { delete user[$10]; delete device[$10] }
  next
}

$4 == "synapse.handlers.e2e_keys" && $12 == "Adding" {
  adding++
  device[$10] = $(NF - 5)
  user[$10] = $(NF - 2)
  next
}

$4 == "synapse.http.server" && / SynapseError: 400 - One time key [^:]+:[^ ]+ already exists\. Old key: / {
  match($0, /One time key [^:]+:/)
  conflicts[substr($0, RSTART + 13, RLENGTH - 14)]++
  by_device[user[$10], device[$10]]++
  next
}

$4 == "synapse.9533_debug" {
  kind = $12
  if (kind == "to-device") kind = "to-device messages"
  else if (substr(kind, 1, 10) == "stream_id=") kind = "stream_id="
  to_device[kind]++
}

END {
  for (key in requests) { split(key, part, SUBSEP); printf "synapse_access_requests_total{class=\"%s\",status=\"%s\"} %d\n", part[1], part[2], requests[key] }
  for (class in sum) {
    count = 0
    for (i = 1; i <= bounds; i++) { count += bucket[class, i]; printf "synapse_access_seconds_bucket{class=\"%s\",le=\"%s\"} %d\n", class, bound[i], count }
    count += bucket[class, bounds + 1]
    printf "synapse_access_seconds_bucket{class=\"%s\",le=\"+Inf\"} %d\n", class, count
    printf "synapse_access_seconds_sum{class=\"%s\"} %.3f\n", class, sum[class]
    printf "synapse_access_seconds_count{class=\"%s\"} %d\n", class, count
  }
  printf "synapse_otk_upload_lines_total %d\n", adding
  for (algorithm in conflicts) printf "synapse_otk_conflicts_total{algorithm=\"%s\"} %d\n", algorithm, conflicts[algorithm]
  for (key in by_device) {
    split(key, part, SUBSEP)
    gsub(/'/, "", part[1]); gsub(/'/, "", part[2])
    printf "synapse_otk_conflicts_by_device_total{device=\"%s\",user=\"%s\"} %d\n", part[2], part[1], by_device[key]
  }
  for (kind in to_device) printf "synapse_todevice_debug_total{kind=\"%s\"} %d\n", kind, to_device[kind]
}
