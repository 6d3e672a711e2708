# Stands in for the server's program, so that a client's tests run unchanged with everything kept in PostgreSQL: a data folder's
# content lies in a database of its own, which is made when the folder is first named. A server that would leave nothing behind
# is given a folder that goes with the run.
#
# The lines before these set: server, psql, socket (the folder of PostgreSQL's socket), port, passing (a folder for what goes).
set -eu

data=
before=
left=$#
while [ "$left" -gt 0 ]; do
  word=$1
  shift
  left=$((left - 1))
  if [ "$word" = --ephemeral ]; then
    data=$(mktemp -d "$passing/server-XXXXXX")/data
    set -- "$@" --data "$data"
  else
    [ "$before" != --data ] || data=$word
    set -- "$@" "$word"
  fi
  before=$word
done

if [ -n "$data" ]; then
  # Commands beside a running server name its folder too, and must come to the same database.
  name=client_$(printf %s "$data" | sha256sum | cut -c 1-32)
  make="CREATE DATABASE $name TEMPLATE template0 ENCODING 'UTF8'"
  complaint=$("$psql" -X -q -h "$socket" -p "$port" -U cosell -d postgres -c "$make" 2>&1 >/dev/null) ||
    case $complaint in
      *"already exists"*) ;;
      *)
        printf 'no database for %s: %s\n' "$data" "$complaint" >&2
        exit 70
        ;;
    esac
  COSELL_STORE="postgres://cosell@$(printf %s "$socket" | sed 's,/,%2F,g'):$port/$name"
  export COSELL_STORE
fi

# The same process from here on: signals reach the server, and its end is this one's.
exec "$server" "$@"
