#!/usr/bin/env bash
# Runs the tests in unusual environments:
#
#   spaces    in a path with spaces, as all others here
#   locale    in the time zone Asia/Kathmandu (UTC+05:45), with a Turkish locale
#   root      as root
#   non-root  as a user other than root
#   no-ipv6   without the IPv6 loopback address, and without a network
#   offline   without a network
#
#   scripts/ci/test-environments.sh [--strict] [ENVIRONMENT...] [-- JEST_ARGUMENT...]
#
# Without names, it runs all of them. Arguments after `--` select tests, for instance
# `-- __tests__/version.test.ts`. What this machine cannot provide is left out, which is a failure
# only with --strict. The tests run in a fresh clone of HEAD, with a copy of node_modules.
set -euo pipefail

ALL=(spaces locale root non-root no-ipv6 offline)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

strict=false
names=()
while (($# > 0)); do
  case $1 in
    --strict) strict=true ;;
    --)
      shift
      break
      ;;
    spaces | locale | root | non-root | no-ipv6 | offline) names+=("$1") ;;
    *)
      echo "usage: $0 [--strict] [${ALL[*]}] [-- JEST_ARGUMENT...]" >&2
      exit 2
      ;;
  esac
  shift
done
((${#names[@]} > 0)) || names=("${ALL[@]}")

if [[ ! -x $root/node_modules/.bin/node ]]; then
  echo "There is no Node.js in node_modules: run 'npm ci' first." >&2
  exit 1
fi
if [[ -n $(git -C "$root" status --porcelain) ]]; then
  echo 'Note: uncommitted changes are not tested.'
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Other users need to get in.
chmod 755 "$scratch"
copy="$scratch/path with spaces/repository"
home="$scratch/home of a user"
mkdir -p "$home"
# Hard links would let a change of the owner reach the files of this repository.
git clone --quiet --no-hardlinks --config advice.detachedHead=false "$root" "$copy"
cp -a "$root/node_modules" "$copy/"

# The command of `npm test`, without npm, which may be out of reach for another user.
test_command=$(cd "$copy" && node_modules/.bin/node --print 'require("./package.json").scripts.test')

# Sets `run_as`, the words in front of a command that starts it in a network namespace of its own,
# or `reason` if there is no way to.
enter_network() {
  local name=$1 setup
  # shellcheck disable=SC2016 # The inner shell expands these.
  setup='set -e
    ip link set lo up
    # There may be none to delete. The proof below sees what is left.
    [[ $1 != no-ipv6 ]] || ip -6 address delete ::1/128 dev lo 2>/dev/null || true
    shift
    exec "$@"'
  if ! command -v unshare >/dev/null || ! command -v ip >/dev/null; then
    reason='It needs network namespaces: Linux, with the commands unshare and ip.'
  elif ((EUID == 0)) && unshare --net true 2>/dev/null; then
    run_as=(unshare --net bash -c "$setup" network "$name")
  elif ((EUID != 0)) && unshare --user --map-root-user --net ip link set lo up 2>/dev/null; then
    run_as=(unshare --user --map-root-user --net bash -c "$setup" network "$name")
  elif ((EUID != 0)) && sudo -n unshare --net true 2>/dev/null; then
    run_as=(sudo -n unshare --net bash -c "$setup" network "$name"
      setpriv --reuid "$EUID" --regid "$(id -g)" --init-groups)
  else
    reason='The system allows no network namespace, neither to this user nor by sudo.'
  fi
}

# Runs the tests in the environment $1, with the Jest arguments that follow. Sets `reason` if it has
# to be left out.
run_environment() {
  local name=$1 run_as=() as_root=() variables=() proof
  shift
  case $name in
    spaces)
      proof='assert(process.cwd().includes(" "))'
      ;;
    locale)
      variables=(TZ=Asia/Kathmandu LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8)
      proof='assert.equal(new Date(2030, 0).getTimezoneOffset(), -345)
        assert.equal(Intl.DateTimeFormat().resolvedOptions().locale, "tr-TR")'
      ;;
    root)
      proof='assert.equal(process.getuid(), 0)'
      if ((EUID != 0)); then
        as_root=(sudo -n)
        run_as=("${as_root[@]}")
        sudo -n true 2>/dev/null || reason='There is no sudo without a password.'
      fi
      ;;
    non-root)
      proof='assert.notEqual(process.getuid(), 0)'
      if ((EUID == 0)); then
        if ! command -v setpriv >/dev/null || ! id nobody >/dev/null 2>&1; then
          reason='It needs the command setpriv and the user nobody.'
        else
          chown -hR "$(id -u nobody):$(id -g nobody)" "$scratch"
          run_as=(setpriv --reuid "$(id -u nobody)" --regid "$(id -g nobody)" --clear-groups)
        fi
      fi
      ;;
    no-ipv6)
      proof='net.createServer().once("error", () => process.exit(0))
        .listen(0, "::1", () => process.exit(1))'
      enter_network "$name"
      ;;
    offline)
      proof='const all = Object.values(os.networkInterfaces()).flat()
        assert(all.length > 0 && all.every((address) => address.internal))'
      enter_network "$name"
      ;;
  esac
  [[ -z $reason ]] || return 0

  # `env` sets the variables again that sudo drops.
  run_as+=(env "PATH=$copy/node_modules/.bin:$PATH" "HOME=$home" "TMPDIR=$home")
  run_as+=(${variables[@]+"${variables[@]}"})
  local status=0
  (
    cd "$copy"
    # The environment has to be what its name says, or the tests prove nothing.
    "${run_as[@]}" node --eval "$proof" || {
      echo "The environment '$name' could not be set up." >&2
      exit 1
    }
    # Coverage is complete only with all of the tests, and `npm test` checks it.
    "${run_as[@]}" sh -c "$test_command \"\$@\"" test --coverage=false "$@"
  ) || status=$?
  # The other environments need the files that this one has written.
  case $name in
    root | non-root) ${as_root[@]+"${as_root[@]}"} chown -hR "$(id -u):$(id -g)" "$scratch" ;;
  esac
  return "$status"
}

summary=()
exit_code=0
for name in "${names[@]}"; do
  printf '\n== Test in the environment: %s\n' "$name"
  reason=
  if ! run_environment "$name" "$@"; then
    summary+=("$name: FAILED")
    exit_code=1
  elif [[ -n $reason ]]; then
    echo '=================================================================='
    echo "LEFT OUT: $name. $reason"
    echo '=================================================================='
    summary+=("$name: LEFT OUT. $reason")
    [[ $strict == false ]] || exit_code=1
  else
    summary+=("$name: passed")
  fi
done

printf '\n== Environments\n'
printf '%s\n' "${summary[@]}"
exit "$exit_code"
