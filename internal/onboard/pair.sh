url=http://127.0.0.1:8080 app=latchkey-local file=.env; umask 077; set -C; [ -e "$file" ] && echo "$file exists" && exit 1
ask() { answer=$(printf %s "client_id=$app&$2" | curl -sS -m 15 -d @- "$url/oauth/$1"); }
get() { printf %s "$answer" | sed -n 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/p'; }
ask device_authorization "device_name=$(uname -n)"; code=$(get device_code) wait=$(get interval)
[ "$code" ] || { echo "no code: $answer"; exit 5; }; echo "Open $(get verification_uri) and enter $(get user_code)"
while sleep "$wait"; do ask token "device_code=$code&grant_type=urn:ietf:params:oauth:grant-type:device_code"
  k=$(get access_token); [ "$k" ] && printf 'APP_ID=%s\nBASE_URL=%s\nAPI_KEY=%s\n' "$app" "$(get base_url)" "$k" >"$file" && exit
  case $(get error) in slow_down) wait=$((wait + 5)) ;; access_denied) echo denied; exit 3 ;;
    expired_token) echo expired; exit 4 ;; invalid_*) echo "$answer"; exit 1 ;; esac
done
