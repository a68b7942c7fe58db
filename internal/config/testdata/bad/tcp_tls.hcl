listener "mail" {
  bind      = [":8025"]
  protocols = ["tcp"]
  tls {
    certificates = ["c"]
  }
}
backend "app" { servers = ["127.0.0.1:9000"] }
vhost "mail" { backend = "app" }
