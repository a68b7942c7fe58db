listener "web" { bind = [":8080"] }
backend "app" { servers = ["127.0.0.1:9000"] }
cache "main" {
  memory     = "8MiB"
  max_object = "16MiB"
}
vhost "any" {
  route "all" {
    backend = "app"
    cache {
      max_object = "32MiB"
    }
  }
}
