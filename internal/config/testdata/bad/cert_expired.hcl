listener "web" {
  bind = [":8443"]
  tls {
    certificates = ["x"]
  }
}
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "a" {
  hosts   = ["new.example"]
  backend = "app"
}
certificate "x" {
  cert = "old.pem"
  key  = "old.key"
}
