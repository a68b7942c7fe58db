listener "web" { bind = [":8080"] }
backend "app" {
  servers = ["127.0.0.1:9000"]
  balance = [ratio("predict", "p90", "past=10s", "ahead=6s")]
}
vhost "any" { backend = "app" }
