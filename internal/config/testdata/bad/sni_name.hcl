listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "any" {
  sni     = ["*.", "shop.example", "a?b"]
  backend = "app"
}
